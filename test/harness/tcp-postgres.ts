/** A Postgres of a test's own on a port of the loopback, with the settings, rules and certificates that the test gives it. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { findBinaries, serverUser } from '../../src/storage/embedded/postgres-binaries.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

const run = promisify(execFile)

export interface TcpPostgresOptions {
  /** Further settings, as `name=value`. */
  settings?: readonly string[]
  /** Lines of pg_hba.conf; anybody from the loopback may come in by default. */
  rules?: readonly string[]
  /** A certificate and its key in PEM: the server speaks TLS then. */
  tls?: { certificate: string; key: string } | undefined
}

export interface TcpPostgres {
  port: number
  pid: number
  /** As the superuser `claviger` by default. */
  url(options?: { database?: string; user?: string; password?: string; host?: string; more?: string }): string
  /** One statement or several, as the superuser. */
  sql<Row = Record<string, unknown>>(text: string, database?: string): Promise<Row[]>
  stop(): Promise<void>
}

const superuser = 'claviger'

export async function startTcpPostgres({ settings = [], rules, tls }: TcpPostgresOptions = {}): Promise<TcpPostgres> {
  const user = serverUser()
  const { initdb, postgres } = await findBinaries(user)
  // The path of a socket may not be long.
  const home = await mkdtemp('/tmp/claviger-pg-')
  if (user) await chown(home, user.uid, user.gid)
  const data = join(home, 'data')
  await run(initdb, ['-D', data, '-U', superuser, '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'], {
    cwd: home,
    ...user,
  })
  const place = async (name: string, text: string) => {
    await writeFile(join(data, name), text, { mode: 0o600 })
    if (user) await chown(join(data, name), user.uid, user.gid)
  }
  const local = `local all ${superuser} trust`
  await place('pg_hba.conf', `${[local, ...(rules ?? ['host all all 127.0.0.1/32 trust'])].join('\n')}\n`)
  if (tls) await Promise.all([place('server.crt', tls.certificate), place('server.key', tls.key)])
  const port = await freePort()
  const all = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    `unix_socket_directories=${home}`,
    'fsync=off',
    `ssl=${tls ? 'on' : 'off'}`,
    ...settings,
  ]
  const server = spawn(postgres, ['-D', data, ...all.flatMap((one) => ['-c', one])], {
    cwd: home,
    stdio: 'ignore',
    ...user,
  })
  const sql = async <Row>(text: string, database = 'postgres'): Promise<Row[]> => {
    const client = new Client({ host: home, port, user: superuser, database })
    await client.connect()
    try {
      return (await client.query(text)).rows as Row[]
    } finally {
      await client.end()
    }
  }
  const accepts = () =>
    sql('select 1').then(
      () => true,
      () => undefined,
    )
  if (!(await eventually(accepts, { tries: 600 }))) throw new Error('the Postgres of this test did not start')
  return {
    port,
    pid: server.pid ?? 0,
    url({ database = 'postgres', user: role = superuser, password, host = '127.0.0.1', more = '' } = {}) {
      const credentials = password === undefined ? role : `${role}:${encodeURIComponent(password)}`
      return `postgres://${credentials}@${host}:${port}/${database}${more}`
    },
    sql,
    async stop() {
      const gone = server.exitCode === null && server.signalCode === null ? once(server, 'exit') : undefined
      server.kill('SIGCONT')
      server.kill('SIGINT')
      await gone
      await rm(home, { recursive: true, force: true })
    },
  }
}
