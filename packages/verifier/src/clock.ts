/** The verifier's source of time and randomness. Tests supply their own. */
export interface Clock {
  /** Milliseconds since 1970, for the times in tokens. */
  wallMs(): number
  /** Milliseconds of a clock that never jumps, for ages. */
  monotonicMs(): number
  /** From 0 up to 1. */
  random(): number
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
}

/** Resolves after `ms`, or at once when the signal is aborted. Never keeps a process alive. */
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

/** Node's timers can be unref'd; timers of fetch runtimes are plain numbers. */
export function unref(timer: unknown): void {
  const { unref } = timer as { unref?: () => void }
  if (typeof unref === 'function') unref.call(timer)
}
