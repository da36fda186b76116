/** The three services of the demo: processes of their own that verify tokens offline. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { RunningService } from '../running-service.ts'
import type { Credentials, DemoAddresses } from './registration.ts'

const main = join(import.meta.dirname, '../service/main.ts')

/** Starts one process for each URL and resolves when all of them verify tokens. */
export async function startServices(
  urls: readonly string[],
  { issuer, api, spa }: DemoAddresses,
  { clientId, clientSecret }: Credentials,
): Promise<Pick<RunningService, 'stop'>> {
  const children = urls.map((url) =>
    spawn(process.execPath, [main], {
      env: {
        ...process.env,
        PORT: new URL(url).port,
        ISSUER: issuer,
        AUDIENCE: api,
        CLIENT_ID: clientId,
        CLIENT_SECRET: clientSecret,
        SPA_ORIGIN: spa,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    }),
  )
  const stop = async () => {
    await Promise.all(children.map(ended))
  }
  try {
    await Promise.all(children.map(isUp))
  } catch (error) {
    await stop()
    throw error
  }
  return { stop }
}

/** Its first line says that it listens. */
async function isUp(child: ChildProcess): Promise<void> {
  const first = await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit').then(() => undefined)])
  if (first === undefined) throw new Error('A service of the demo did not start. The reason stands above.')
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
