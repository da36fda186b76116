/** PgBouncer of this machine's packages, before a Postgres of a test. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { serverUser } from '../../src/storage/embedded/postgres-binaries.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

/** Another one than that of the packages: to try a version that they do not have. */
const program = process.env['CLAVIGER_TEST_PGBOUNCER'] ?? 'pgbouncer'

/** Major and minor version; undefined where none is installed. */
export async function pgbouncerVersion(): Promise<[major: number, minor: number] | undefined> {
  const asked = await promisify(execFile)(program, ['--version']).catch(() => undefined)
  const found = /PgBouncer (\d+)\.(\d+)/.exec(asked?.stdout ?? '')
  return found ? [Number(found[1]), Number(found[2])] : undefined
}

export interface PgBouncer {
  url: string
  stop(): Promise<void>
}

/** @param settings further lines of `pgbouncer.ini` */
export async function startPgBouncer(
  postgresPort: number,
  mode: 'session' | 'transaction' | 'statement',
  settings: readonly string[] = [],
): Promise<PgBouncer> {
  const home = await mkdtemp('/tmp/claviger-pgbouncer-')
  const user = serverUser()
  const port = await freePort()
  const file = join(home, 'pgbouncer.ini')
  const lines = [
    '[databases]',
    `* = host=127.0.0.1 port=${postgresPort} user=claviger`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${mode}`,
    ...settings,
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  if (user) await chown(home, user.uid, user.gid)
  const child = spawn(program, [file], { cwd: home, stdio: 'ignore', ...user })
  const url = `postgres://claviger@127.0.0.1:${port}/postgres`
  const accepts = async () => {
    const client = new Client({ connectionString: url })
    client.on('error', () => {})
    return client.connect().then(
      () => client.end().then(() => true),
      () => undefined,
    )
  }
  if (!(await eventually(accepts, { tries: 200 }))) throw new Error('PgBouncer did not start')
  return {
    url,
    async stop() {
      const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
      child.kill('SIGKILL')
      await gone
      await rm(home, { recursive: true, force: true })
    },
  }
}
