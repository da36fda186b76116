import type { Clock } from '../../packages/verifier/src/clock.ts'

/** The system's clock, moved by hand: it runs on by itself, so that real connections live in it. */
export interface TestClock extends Clock {
  /** Time passes, for everybody who looks at this clock. */
  pass(ms: number): void
  /** Somebody sets the wall clock; the monotonic one does not care. */
  setBack(ms: number): void
}

export function testClock(): TestClock {
  let passed = 0
  let setBack = 0
  return {
    wallMs: () => Date.now() + passed - setBack,
    monotonicMs: () => performance.now() + passed,
    random: () => Math.random(),
    pass(ms) {
      passed += ms
    },
    setBack(ms) {
      setBack += ms
    },
  }
}
