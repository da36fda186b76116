import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { DatabaseClock, mostOffsetMs, refuseWrongClock } from '../../src/revocation/database-clock.ts'

/** A machine with clocks that the test sets. `passed` advances both; `off` shifts the wall clock alone. */
function machine() {
  const state = { passed: 0, off: 0 }
  return {
    state,
    moment: () => ({ wallMs: 1_000_000 + state.passed + state.off, monotonicMs: 50 + state.passed }),
    trueMs: () => 1_000_000 + state.passed,
  }
}

const ms = fc.integer({ min: 0, max: 5_000 })
const off = fc.integer({ min: -100_000, max: 100_000 })

describe("the estimate of the database's clock", () => {
  test('is never later than the true time, and earlier by at most the delay of the response, for any wall clock', () => {
    fc.assert(
      fc.property(off, ms, ms, ms, off, (before, there, back, later, jump) => {
        const { state, moment, trueMs } = machine()
        state.off = before
        const asked = moment()
        state.passed += there
        const said = trueMs()
        state.passed += back
        const clock = new DatabaseClock(said, asked, moment)
        state.passed += later
        state.off += jump
        expect(clock.nowMs).toBeLessThanOrEqual(trueMs())
        expect(clock.nowMs).toBeGreaterThanOrEqual(trueMs() - back)
      }),
    )
  })

  test('calls the wall clock wrong only when it is, and always when its offset exceeds two seconds and the delay of the response', () => {
    fc.assert(
      fc.property(off, ms, ms, (wrong, there, back) => {
        const { state, moment, trueMs } = machine()
        state.off = wrong
        const asked = moment()
        state.passed += there
        const said = trueMs()
        state.passed += back
        const clock = new DatabaseClock(said, asked, moment)
        expect(Math.abs(clock.offsetMs)).toBeLessThanOrEqual(Math.abs(wrong))
        if (Math.abs(wrong) > mostOffsetMs + there + back) expect(clock.isOff).toBe(true)
      }),
    )
  })

  test('detects a jump of the wall clock at once while the database is unavailable', () => {
    const { state, moment, trueMs } = machine()
    const clock = new DatabaseClock(trueMs(), moment(), moment)
    state.passed += 60_000
    expect([clock.offsetMs, clock.isOff]).toEqual([0, false])
    state.off = -2_001
    expect([clock.offsetMs, clock.isOff]).toEqual([-2_001, true])
    expect(() => refuseWrongClock(clock)).toThrow(expect.objectContaining({ code: 'clock_off', kind: 'unavailable' }))
    state.off = 2_000
    expect(clock.isOff).toBe(false)
    expect(() => refuseWrongClock(clock)).not.toThrow()
  })
})
