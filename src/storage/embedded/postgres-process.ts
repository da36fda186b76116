/**
 * One embedded Postgres as a process: made, started, found again, stopped. It
 * listens on a Unix socket inside its own data folder, which only its user can
 * enter, and on nothing else.
 *
 * As root on Linux it is started standing in the data folder and told to find it
 * at /proc/self/cwd: so the folders above may stay closed to the user it runs under.
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
  /** False only where losing everything at a power failure does not matter: in tests. */
  durable: boolean
}

/** Makes the data folder where there is none. Half-made ones never stand under the final name. */
export async function initialise(folder: PostgresFolder): Promise<void> {
  const user = serverUser()
  const binaries = await findBinaries(user)
  const version = await readText(join(folder.data, 'PG_VERSION'))
  if (version === undefined) return create(folder, binaries, user)
  if (version.trim() !== binaries.major) {
    throw new Failure(
      'embedded_postgres_version',
      'conflict',
      `${folder.data} was made by Postgres ${version.trim()} and this release brings ${binaries.major}: dump it with the release that made it and restore it into a new folder.`,
    )
  }
  await belongsTo(folder, user)
}

async function create(folder: PostgresFolder, binaries: PostgresBinaries, user: ServerUser | undefined): Promise<void> {
  const apart = `${folder.data}.new`
  await rm(apart, { recursive: true, force: true })
  await mkdir(apart, { mode: 0o700 })
  if (user) await chown(apart, user.uid, user.gid)
  const child = spawn(binaries.initdb, ['-D', standing(apart, user), ...initdbSettings(folder.durable)], {
    cwd: apart,
    env: quietEnvironment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  })
  const said: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => said.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk))
  const code = await exitOf(child)
  if (code !== 0) throw couldNot('make its data folder', Buffer.concat(said).toString())
  await rename(apart, folder.data)
}

/** A folder made as another user cannot be started; say so before Postgres does in its own words. */
async function belongsTo(folder: PostgresFolder, user: ServerUser | undefined): Promise<void> {
  const { uid } = await stat(folder.data)
  const expected = user?.uid ?? process.getuid?.()
  if (expected === undefined || uid === expected) return
  throw new Failure(
    'data_folder_foreign',
    'conflict',
    `${folder.data} belongs to user ${uid}, and the embedded Postgres runs as user ${expected} here: start as the user who made it, or run chown -R ${expected} ${folder.data}.`,
  )
}

/** Starts it detached: it outlives us, so that whoever comes next finds it whole. Returns its process, ready or not. */
export async function start(folder: PostgresFolder): Promise<number | undefined> {
  const user = serverUser()
  const { postgres } = await findBinaries(user)
  await dropStaleLock(folder)
  const log = await openLog(folder.log)
  try {
    const child = spawn(postgres, ['-D', standing(folder.data, user), ...serverSettings(folder.durable)], {
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

/** Its process, when one runs on this folder. Looks at the process itself: the number in the file may be another's by now. */
export async function runningPid(folder: PostgresFolder): Promise<number | undefined> {
  const pid = Number((await readText(join(folder.data, 'postmaster.pid')))?.split('\n')[0])
  if (!isAlive(pid) || !/postgres/.test(commandOf(pid))) return undefined
  const stands = workingFolderOf(pid)
  return stands === undefined || stands === folder.data ? pid : undefined
}

/** Ends it quickly and in order: connections are cut, everything committed is on disk. */
export async function stop(folder: PostgresFolder): Promise<void> {
  const pid = await runningPid(folder)
  if (pid === undefined) return
  process.kill(pid, 'SIGINT')
  for (let waited = 0; waited < 600; waited += 1) {
    if (!isAlive(pid)) return
    await sleep(waited < 20 ? 10 : 100)
  }
  // Recovers from its log at the next start, like after a power failure.
  process.kill(pid, 'SIGQUIT')
}

/** The last lines it wrote, to go with a failure. */
export async function lastWords(folder: PostgresFolder): Promise<string> {
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

/** Postgres believes a number in `postmaster.pid` that another process of the same user has been given since. */
async function dropStaleLock(folder: PostgresFolder): Promise<void> {
  if ((await runningPid(folder)) === undefined) await rm(join(folder.data, 'postmaster.pid'), { force: true })
}

const standing = (data: string, user: ServerUser | undefined): string =>
  user !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : data

/** Nothing of ours, and no PG* variable of the operator's, may leak into it. */
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
