/** Where the verifier gets its time and its chance from; a test hands over its own. */
export interface Clock {
  /** Milliseconds since 1970, as tokens count. */
  wallMs(): number
  /** Milliseconds that never jump: the age of what is known is measured by these. */
  monotonicMs(): number
  /** From 0 up to 1. */
  random(): number
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
}

/** Resolves after so long, or at once when the signal says stop. Never keeps a process alive. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    unref(timer)
    signal.addEventListener('abort', done)
  })
}

/** Node lets a timer not count; fetch runtimes have plain numbers. */
export function unref(timer: unknown): void {
  const { unref } = timer as { unref?: () => void }
  if (typeof unref === 'function') unref.call(timer)
}
