/**
 * Initialises, starts, finds and stops one embedded Postgres process. The server
 * listens only on a Unix socket inside its own data folder, which only its user
 * can enter.
 *
 * If Claviger runs as root on Linux, the server starts with the data folder as
 * its working directory and gets /proc/self/cwd as its path. So the parent
 * folders may stay closed to the server's user.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { chown, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../errors/failure.ts'
import { findBinaries, type PostgresBinaries, type ServerUser, serverUser } from './postgres-binaries.ts'
import { initdbSettings, serverSettings } from './postgres-settings.ts'
import { commandOf, isAlive, workingFolderOf } from './process-table.ts'

/** A folder that holds, or will hold, one embedded Postgres. */
export interface PostgresFolder {
  /** Postgres' own data folder (PGDATA). */
  data: string
  log: string
  /** False only in tests, where data may be lost at a power failure. */
  durable: boolean
}

/** Creates a missing data folder. The folder gets its final name only when it is complete. */
export async function initialise(folder: PostgresFolder): Promise<void> {
  const user = serverUser()
  const binaries = await findBinaries(user)
  const version = await readText(join(folder.data, 'PG_VERSION'))
  if (version === undefined) return create(folder, binaries, user)
  if (version.trim() !== binaries.major) {
    throw new Failure(
      'embedded_postgres_version',
      'conflict',
      `${folder.data} was created by Postgres ${version.trim()}, but this release includes Postgres ${binaries.major}. Dump the data with the release that created it, and restore the dump into a new folder.`,
    )
  }
  await belongsTo(folder, user)
}

async function create(folder: PostgresFolder, binaries: PostgresBinaries, user: ServerUser | undefined): Promise<void> {
  const apart = `${folder.data}.new`
  await rm(apart, { recursive: true, force: true })
  await mkdir(apart, { mode: 0o700 })
  if (user) await chown(apart, user.uid, user.gid)
  const child = spawn(binaries.initdb, ['-D', dataArgument(apart, user), ...initdbSettings(folder.durable)], {
    cwd: apart,
    env: quietEnvironment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  })
  const output: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk))
  const code = await exitOf(child)
  if (code !== 0) throw couldNot('create its data folder', Buffer.concat(output).toString())
  await rename(apart, folder.data)
}

/** The server cannot start on a folder of another user. This error is clearer than the one of Postgres. */
async function belongsTo(folder: PostgresFolder, user: ServerUser | undefined): Promise<void> {
  const { uid } = await stat(folder.data)
  const expected = user?.uid ?? process.getuid?.()
  if (expected === undefined || uid === expected) return
  throw new Failure(
    'data_folder_foreign',
    'conflict',
    `${folder.data} belongs to user ${uid}, but the embedded Postgres runs as user ${expected} here. Start Claviger as the user who created the folder, or run chown -R ${expected} ${folder.data}.`,
  )
}

/** Starts the server detached, so that it outlives this process and the next one can use it. Returns its process id before it is ready. */
export async function start(folder: PostgresFolder): Promise<number | undefined> {
  const user = serverUser()
  const { postgres } = await findBinaries(user)
  await dropStaleLock(folder)
  const log = await openLog(folder.log)
  try {
    const child = spawn(postgres, ['-D', dataArgument(folder.data, user), ...serverSettings(folder.durable)], {
      cwd: folder.data,
      env: quietEnvironment,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      ...user,
    })
    child.unref()
    await once(child, 'spawn')
    return child.pid
  } finally {
    await log.close()
  }
}

/** The server's process id if it runs on this folder. Checks the process itself, because the id in the file may be reused by now. */
export async function runningPid(folder: PostgresFolder): Promise<number | undefined> {
  const pid = Number((await readText(join(folder.data, 'postmaster.pid')))?.split('\n')[0])
  if (!isAlive(pid) || !/postgres/.test(commandOf(pid))) return undefined
  const working = workingFolderOf(pid)
  return working === undefined || working === folder.data ? pid : undefined
}

/** Stops the server in fast mode: connections are closed, and committed data is on disk. */
export async function stop(folder: PostgresFolder): Promise<void> {
  const pid = await runningPid(folder)
  if (pid === undefined) return
  process.kill(pid, 'SIGINT')
  for (let waited = 0; waited < 600; waited += 1) {
    if (!isAlive(pid)) return
    await sleep(waited < 20 ? 10 : 100)
  }
  // The server recovers from its write-ahead log at the next start, as after a power failure.
  process.kill(pid, 'SIGQUIT')
}

/** The end of the server's log, for an error message. */
export async function logTail(folder: PostgresFolder): Promise<string> {
  return (await readText(folder.log))?.slice(-2_000) ?? ''
}

export function couldNot(doing: string, said: string): Failure {
  return new Failure(
    'embedded_postgres_failed',
    'unavailable',
    `The embedded Postgres could not ${doing}: ${said.trim()}`,
    {
      detail: { said },
    },
  )
}

/** Removes a stale `postmaster.pid`: Postgres trusts its process id even if another process of the same user has it now. */
async function dropStaleLock(folder: PostgresFolder): Promise<void> {
  if ((await runningPid(folder)) === undefined) await rm(join(folder.data, 'postmaster.pid'), { force: true })
}

const dataArgument = (data: string, user: ServerUser | undefined): string =>
  user !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : data

/** The server gets no variable of Claviger's environment and no PG* variable of the operator. */
const quietEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

async function openLog(path: string) {
  const size = (await readText(path))?.length ?? 0
  if (size > 5_000_000) await rename(path, `${path}.1`)
  return open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600)
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
