/** What Linux and macOS report about a process. */
import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'

/** Does this process exist, under any user? */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Start time in ticks since boot; with the id it identifies one process. Undefined if the system does not report it. */
export function startOf(pid: number): string | undefined {
  return statFields(pid)?.[19]
}

/** The command line of a process, for people; the id alone if the command line cannot be read. */
export function commandOf(pid: number): string {
  const fromProc = read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim()
  if (fromProc) return fromProc
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    // There is no `ps`, or the process has just ended.
    return `process ${pid}`
  }
}

/** The working directory of a process; undefined if it cannot be read. */
export function workingFolderOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // Not Linux, no permission, or the process has ended.
    return undefined
  }
}

/** A process that has ended but that its parent has not reaped; in a container the parent may never do so. */
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
    // Not Linux, or the process has just ended.
    return undefined
  }
}
