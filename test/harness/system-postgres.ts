/** A Postgres of the machine's own packages, with its dump and restore: for what the embedded one does not bring along. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { connectDirectly } from '../../src/storage/connection/database.ts'
import { serverUser } from '../../src/storage/embedded/postgres-binaries.ts'
import { eventually } from './eventually.ts'
import { askDatabase } from './later.ts'

const run = promisify(execFile)
const tools = ['initdb', 'postgres', 'psql', 'pg_dump', 'pg_restore', 'pg_basebackup']
const debian = '/usr/lib/postgresql'

const places = () => [
  ...(existsSync(debian) ? readdirSync(debian) : [])
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(debian, version, 'bin')),
  ...(process.env['PATH'] ?? '').split(delimiter),
]

/** The folder with server, dump and restore of one version, 14 or newer; undefined where there is none. */
export async function findSystemPostgres(): Promise<string | undefined> {
  for (const place of places()) {
    if (!tools.every((tool) => existsSync(join(place, tool)))) continue
    const versions = await Promise.all(tools.map((tool) => majorOf(join(place, tool))))
    const [major = 0] = versions
    if (major >= 14 && versions.every((one) => one === major)) return place
  }
  return undefined
}

async function majorOf(tool: string): Promise<number> {
  const { stdout } = await run(tool, ['--version'])
  return Number(/(\d+)(?:\.\d+)?/.exec(stdout)?.[1])
}

export interface SystemPostgres {
  /** As for `DATABASE_URL`. */
  url: string
  /** Its Unix socket. */
  path: string
  /** A standby that follows it by streaming replication. */
  follow(): Promise<SystemPostgres>
  /** One statement, as the superuser. */
  ask<T = unknown>(sql: string): Promise<T[]>
  /** All of the database into a file, as `pg_dump` writes it. */
  dump(file: string): Promise<void>
  /** A dump into the empty database, as `pg_restore` reads it. */
  restore(file: string): Promise<void>
  stop(): Promise<void>
}

/** A server on a Unix socket in a new folder below /tmp (the path of a socket may not be long), with an empty database. */
export async function startSystemPostgres(binaries: string): Promise<SystemPostgres> {
  const home = await newHome()
  const data = join(home, 'data')
  await run(join(binaries, 'initdb'), ['-D', data, '-U', 'claviger', '--auth=trust', '--no-sync', '-E', 'UTF8'], {
    cwd: home,
    ...serverUser(),
  })
  return serve(binaries, home)
}

async function newHome(): Promise<string> {
  const home = await mkdtemp('/tmp/claviger-pg-')
  const user = serverUser()
  if (user) await chown(home, user.uid, user.gid)
  return home
}

/** Serves the folder `data` in that home. */
async function serve(binaries: string, home: string): Promise<SystemPostgres> {
  const data = join(home, 'data')
  const settings = ['listen_addresses=', `unix_socket_directories=${home}`, 'fsync=off', 'max_connections=60']
  const server = spawn(join(binaries, 'postgres'), ['-D', data, ...settings.flatMap((one) => ['-c', one])], {
    cwd: home,
    stdio: 'ignore',
    ...serverUser(),
  })
  const url = `postgres://claviger@localhost:5432/postgres?host=${encodeURIComponent(home)}&sslmode=disable`
  const accepts = async () => {
    const client = await connectDirectly({ url }).catch(() => undefined)
    await client?.end()
    return client && true
  }
  if (!(await eventually(accepts, { tries: 600 }))) throw new Error('the Postgres of this machine did not start')
  const at = ['-h', home, '-U', 'claviger']
  return {
    url,
    path: join(home, '.s.PGSQL.5432'),
    async follow() {
      const other = await newHome()
      const copy = ['-D', join(other, 'data'), '-R', '-X', 'stream', '-c', 'fast', '--no-sync']
      await run(join(binaries, 'pg_basebackup'), [...at, ...copy], { cwd: other, ...serverUser() })
      return serve(binaries, other)
    },
    ask: (sql) => askDatabase(url, sql),
    dump: async (file) => void (await run(join(binaries, 'pg_dump'), [...at, '-Fc', '-f', file, 'postgres'])),
    restore: async (file) =>
      void (await run(join(binaries, 'pg_restore'), [...at, '--exit-on-error', '-d', 'postgres', file])),
    async stop() {
      if (server.exitCode === null && server.signalCode === null) {
        const gone = once(server, 'exit')
        // Immediate: a walsender that waits for its standby would keep a fast stop waiting.
        server.kill('SIGQUIT')
        await gone
      }
      await rm(home, { recursive: true, force: true })
    },
  }
}
