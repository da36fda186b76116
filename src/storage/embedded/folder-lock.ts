/** A lock file that lets one process at a time into a folder. The lock of a dead process does not count. */
import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { Failure } from '../../errors/failure.ts'
import { commandOf, isAlive, startOf } from './process-table.ts'

/** Takes the lock, does the work, and releases the lock. @throws Failure `folder_busy` after `waitSeconds` */
export async function withFolderLock<Result>(
  path: string,
  work: () => Promise<Result>,
  waitSeconds = 60,
): Promise<Result> {
  const mine = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`
  await writeFile(mine, `${process.pid} ${startOf(process.pid) ?? ''}\n`, { mode: 0o600 })
  try {
    await takeTurn(path, mine, waitSeconds)
    try {
      return await work()
    } finally {
      await rm(path, { force: true })
    }
  } finally {
    await rm(mine, { force: true })
  }
}

async function takeTurn(path: string, mine: string, waitSeconds: number): Promise<void> {
  const deadline = performance.now() + waitSeconds * 1000
  for (;;) {
    if (await linked(mine, path)) return
    const holder = await readHolder(path)
    if (holder && !holder.alive) await breakLock(path, mine, holder.text)
    else if (performance.now() > deadline) {
      throw new Failure(
        'folder_busy',
        'unavailable',
        `Process ${holder?.pid ?? '?'} (${holder ? commandOf(holder.pid) : '?'}) has been holding ${path} for ${waitSeconds} seconds. Wait for it, or end it if it hangs.`,
        { retryAfterSeconds: waitSeconds },
      )
    } else await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** `link` fails if the name exists, so exactly one process gets the lock, with its content already in place. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function readHolder(path: string): Promise<{ text: string; pid: number; alive: boolean } | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    const [pid = '', start = ''] = text.trim().split(' ')
    // The start time distinguishes a process from a later one with the same id.
    const alive = isAlive(Number(pid)) && (start === '' || startOf(Number(pid)) === start)
    return { text, pid: Number(pid), alive }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Moves the lock file aside and reads it again. If another process has taken the lock meanwhile, its file is put back. */
async function breakLock(path: string, mine: string, deadText: string): Promise<void> {
  const aside = `${mine}.dead`
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await readFile(aside, 'utf8')) !== deadText) await linked(aside, path)
  await rm(aside, { force: true })
}
