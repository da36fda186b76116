/** Runs jobs at regular intervals. */

export interface Job {
  /** Identifies the job in the log and in its lock. */
  name: string
  everySeconds: number
  /** Also run the job soon after the start, instead of one interval later. */
  atStart?: boolean
  run(): Promise<void>
}

export interface TimetableNeeds {
  /** Runs the work on one node at a time. False if another node is running it. */
  exclusively(name: string, work: () => Promise<void>): Promise<boolean>
  onTrouble(job: string, error: unknown): void
  /** Between 0 and 1. */
  random?(): number
}

export interface Timetable {
  /** Starts no more jobs, and resolves when running jobs have ended. Safe to call again. */
  stop(): Promise<void>
}

/** The interval of a job begins when its run ends, so that a job never overlaps itself. */
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
  // Each interval varies by up to a tenth, so that nodes that start together do not stay in step.
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

/** False if the stop ended the wait early. A wait longer than a timer allows is split into pieces. */
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
