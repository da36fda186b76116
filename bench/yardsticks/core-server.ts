/** Program: serves the bare core; on Postgres when DATABASE_URL is there, else in memory. */
import { createServer } from 'node:http'
import pg from 'pg'
import { yardstickClients, yardstickPassword } from '../contenders/yardstick-clients.ts'
import { createCore } from './core-provider.ts'
import { answerInteraction } from './login-form.ts'
import { MapAdapter } from './map-adapter.ts'
import { createPlainTable, PlainTableAdapter } from './plain-table-adapter.ts'

async function chooseAdapter(databaseUrl: string | undefined) {
  if (!databaseUrl) return MapAdapter
  const pool = new pg.Pool({ connectionString: databaseUrl })
  await createPlainTable(pool)
  return (model: string) => new PlainTableAdapter(pool, model)
}

const issuer = String(process.env['BENCH_ISSUER'])
const provider = await createCore(issuer, yardstickClients, await chooseAdapter(process.env['DATABASE_URL']))
const answer = provider.callback()

const server = createServer((req, res) => {
  if (!req.url?.startsWith('/interaction/')) {
    answer(req, res)
    return
  }
  answerInteraction(provider, yardstickPassword, req, res).catch((error: unknown) => {
    res.writeHead(500).end(String(error))
  })
})
server.listen(Number(new URL(issuer).port), '127.0.0.1')
