/** What the operating system says about a process; as much of it as Linux and macOS can tell. */
import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'

/** Is there such a process, whoever it belongs to? */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Ticks since boot at which it started: with the number it names one process for ever. Undefined where that cannot be told. */
export function startOf(pid: number): string | undefined {
  return statFields(pid)?.[19]
}

/** Its command line, for people; the number alone where it cannot be read. */
export function commandOf(pid: number): string {
  const fromProc = read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim()
  if (fromProc) return fromProc
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    // No `ps`, or the process has just gone: the number has to do.
    return `process ${pid}`
  }
}

/** Where it stands in the file system; undefined where that may not be known. */
export function workingFolderOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // Not Linux, not ours to look at, or gone.
    return undefined
  }
}

/** A process that has ended and whose parent has not asked yet (in a container, perhaps never will). */
const isZombie = (pid: number): boolean => statFields(pid)?.[0] === 'Z'

/** Fields of /proc/<pid>/stat from the third on; the second, the name, may hold blanks and brackets. */
function statFields(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not Linux, or the process has just gone.
    return undefined
  }
}
