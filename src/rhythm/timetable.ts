/** What happens by itself, and how often. */

export interface Job {
  /** Names it in the log, in metrics and in the lock. */
  name: string
  everySeconds: number
  /** Soon after the start too, instead of one interval later. */
  atStart?: boolean
  run(): Promise<void>
}

export interface TimetableNeeds {
  /** Runs the work on one node at a time; false when another node is at it. */
  exclusively(name: string, work: () => Promise<void>): Promise<boolean>
  onTrouble(job: string, error: unknown): void
  /** Between 0 and 1. */
  random?(): number
}

export interface Timetable {
  /** Resolves when what is running has ended; nothing starts any more. Harmless when repeated. */
  stop(): Promise<void>
}

/** Each job waits for its own end before it counts to the next time, so none ever overlaps itself. */
export function startTimetable(jobs: readonly Job[], needs: TimetableNeeds): Timetable {
  const stopping = new AbortController()
  const running = jobs.map((job) => keepRunning(job, needs, stopping.signal))
  return {
    async stop() {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

async function keepRunning(job: Job, needs: TimetableNeeds, signal: AbortSignal): Promise<void> {
  const random = needs.random ?? Math.random
  // Nodes that start together drift apart, up or down by a tenth.
  const interval = () => job.everySeconds * 1000 * (0.9 + random() * 0.2)
  let waitMs = job.atStart ? Math.min(interval(), 1_000 * random()) : interval()
  while (await waited(waitMs, signal)) {
    try {
      await needs.exclusively(job.name, () => job.run())
    } catch (error) {
      needs.onTrouble(job.name, error)
    }
    waitMs = interval()
  }
}

/** False when the time was cut short by the stop. Longer than a timer can count is waited in pieces. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  for (let left = ms; left > 0 && !signal.aborted; left -= 86_400_000) {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, Math.min(left, 86_400_000))
      signal.addEventListener('abort', done)
    })
  }
  return !signal.aborted
}
