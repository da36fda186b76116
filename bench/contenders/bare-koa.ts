/** Yardstick C: bare Koa with the very documents that the measured provider serves. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Target } from '../target.ts'
import { type Contender, contenderTitles, findFreePort, startServer } from './contender.ts'

const program = new URL('../yardsticks/bare-koa-server.ts', import.meta.url).pathname

/** @param model whose documents it serves; asked once */
export async function createBareKoaContender(folder: string, model: Contender): Promise<Contender> {
  const issuer = `http://localhost:${await findFreePort()}`
  const documentsFile = join(folder, 'documents.json')
  let target: Target | undefined
  return {
    name: 'koa',
    title: contenderTitles.koa,
    databaseUrl: undefined,
    async start() {
      target ??= await copyDocuments(model, documentsFile)
      const running = await startServer({
        args: [program],
        env: { BENCH_ISSUER: issuer, BENCH_DOCUMENTS: documentsFile },
        readyUrl: `${issuer}${target.endpoints.jwks}`,
        logFile: join(folder, 'koa.log'),
      })
      return { ...running, target: { ...target, issuer } }
    },
  }
}

async function copyDocuments(model: Contender, file: string): Promise<Target> {
  const running = await model.start()
  try {
    const { issuer, endpoints } = running.target
    const documents: Record<string, unknown> = {}
    for (const path of [endpoints.discovery, endpoints.jwks]) {
      documents[path] = await (await fetch(`${issuer}${path}`)).json()
    }
    writeFileSync(file, JSON.stringify(documents))
    return running.target
  } finally {
    await running.stop()
  }
}
