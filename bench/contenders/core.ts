/** Yardsticks A and B: the bare core, in memory or on a plain table. */
import { join } from 'node:path'
import { discoverEndpoints, discoveryPath, type Target } from '../target.ts'
import { type Contender, contenderTitles, findFreePort, startServer } from './contender.ts'
import { yardstickClients, yardstickPassword } from './yardstick-clients.ts'

const program = new URL('../yardsticks/core-server.ts', import.meta.url).pathname

/** @param databaseUrl an empty database for yardstick B; none makes it yardstick A */
export async function createCoreContender(
  folder: string,
  databaseUrl?: string,
  nodeArgs: string[] = [],
): Promise<Contender> {
  const name = databaseUrl ? 'plain' : 'memory'
  const issuer = `http://localhost:${await findFreePort()}`
  const { app, boundApp, service } = yardstickClients
  return {
    name,
    title: contenderTitles[name],
    databaseUrl,
    async start(otherUrl) {
      const url = otherUrl ?? databaseUrl
      const running = await startServer({
        args: [...nodeArgs, program],
        env: { BENCH_ISSUER: issuer, ...(url ? { DATABASE_URL: url } : {}) },
        readyUrl: `${issuer}${discoveryPath}`,
        logFile: join(folder, `${name}.log`),
      })
      const people = Array.from({ length: 8 }, (_, index) => ({
        login: `person-${index}`,
        password: yardstickPassword,
      }))
      const target: Target = { issuer, endpoints: await discoverEndpoints(issuer), app, boundApp, service, people }
      return { ...running, target }
    },
  }
}
