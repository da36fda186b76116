/** CPU time and resident memory of a process with all its descendants, read from /proc (Linux). */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: what /proc counts in, 100 on every Linux that Node supports. */
const ticksPerSecond = 100

interface Stat {
  parent: number
  ticks: number
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The command's name stands in brackets and may hold anything; the fields are counted from behind it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [utime, stime, childUtime, childStime] = fields.slice(11, 15).map(Number)
    return {
      parent: Number(fields[1]),
      ticks: (utime ?? 0) + (stime ?? 0) + (childUtime ?? 0) + (childStime ?? 0),
    }
  } catch {
    return undefined // ended between the listing and the reading
  }
}

function readFamily(root: number): Map<number, Stat> {
  const all = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined
    if (stat) all.set(pid, stat)
  }
  const belongs = (pid: number): boolean => {
    if (pid === root) return true
    const stat = all.get(pid)
    return stat !== undefined && stat.parent > 1 && belongs(stat.parent)
  }
  return new Map([...all].filter(([pid]) => belongs(pid)))
}

/** CPU microseconds used so far by the process, its descendants and those of them that have ended. */
export function cpuMicroseconds(root: number): number {
  let ticks = 0
  for (const stat of readFamily(root).values()) ticks += stat.ticks
  return (ticks / ticksPerSecond) * 1e6
}

/** Resident megabytes of the process and its descendants. */
export function residentMegabytes(root: number): number {
  let kilobytes = 0
  for (const pid of readFamily(root).keys()) {
    kilobytes += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0)
  }
  return kilobytes / 1024
}
