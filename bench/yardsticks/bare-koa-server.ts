/** Program, yardstick C: Koa and nothing else, serving documents prepared as buffers. */
import { readFileSync } from 'node:fs'
import Koa from 'koa'

const documents = JSON.parse(readFileSync(String(process.env['BENCH_DOCUMENTS']), 'utf8')) as Record<string, unknown>
const bodies = new Map(
  Object.entries(documents).map(([path, document]) => [path, Buffer.from(JSON.stringify(document))]),
)

const app = new Koa()
app.use((ctx) => {
  const body = bodies.get(ctx.path)
  if (!body) return
  ctx.type = 'application/json'
  ctx.body = body
})
app.listen(Number(new URL(String(process.env['BENCH_ISSUER'])).port), '127.0.0.1')
