/** A process whose clock is wrong, as those of real machines are. */
import { writeFile } from 'node:fs/promises'

/** Environment of a node that believes it is so much later; negative: earlier. Its database keeps the right time. */
export function clockOff(seconds: number): { NODE_OPTIONS: string } {
  return preload(`let off = ${seconds * 1000}`)
}

export interface MovableClock {
  /** For the node. */
  env: { NODE_OPTIONS: string }
  /** Somebody sets the clock of that process: from now on it is so much later there than it is. */
  set(pid: number, seconds: number): Promise<void>
}

/** @param file a path of its own, by which the process is told */
export function movableClock(file: string): MovableClock {
  return {
    env: preload(`
      import { readFileSync } from 'node:fs'
      let off = 0
      process.on('SIGUSR2', () => { off = Number(readFileSync(${JSON.stringify(file)}, 'utf8')) })`),
    async set(pid, seconds) {
      await writeFile(file, String(seconds * 1000))
      process.kill(pid, 'SIGUSR2')
    },
  }
}

/** @param off declares `off`, in milliseconds */
function preload(off: string): { NODE_OPTIONS: string } {
  const program = `${off}
    const Real = Date
    globalThis.Date = class Date extends Real {
      constructor(...given) { given.length === 0 ? super(Real.now() + off) : super(...given) }
      static now() { return Real.now() + off }
    }`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` }
}
