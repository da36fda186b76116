import { describe, expect, test } from '@jest/globals'
import {
  cacheSecondsOf,
  checkKeyTimes,
  doubtsAboutKeyTimes,
  retentionSecondsOf,
} from '../../../src/keyring/cycle/key-times.ts'
import { DAY, times } from '../sample-key.ts'

describe('the times of the keys', () => {
  test('do not contradict each other by default', () => {
    expect(checkKeyTimes(times)).toEqual([])
    expect(doubtsAboutKeyTimes(times)).toEqual([])
  })

  test.each([
    ['a lead longer than the interval', { publishLeadSeconds: 31 * DAY }, ['2678400 s', '2592000 s']],
    ['caches that outlast the lead', { publishLeadSeconds: 100, maxCacheSeconds: 300 }, ['300 s', '100 s']],
    ['a removal before the last token expires', { retainSeconds: 60 }, ['60 s', '600 s', '604800 s', '604860 s']],
    ['an interval that is not positive', { rotationIntervalSeconds: -5 }, ['rotationIntervalSeconds is -5']],
    ['an interval of a thousand years', { rotationIntervalSeconds: 365_000 * DAY }, ['ten years']],
    ['a lead that is no number', { publishLeadSeconds: Number.NaN }, ['publishLeadSeconds is NaN']],
  ])('are refused with their numbers: %s', (_, changes, named) => {
    const faults = checkKeyTimes({ ...times, ...changes })
    expect(faults).toHaveLength(1)
    for (const part of named) expect(faults[0]).toContain(part)
  })

  test('are refused with every fault at once', () => {
    expect(checkKeyTimes({ ...times, rotationIntervalSeconds: 0, publishLeadSeconds: -1 })).toHaveLength(2)
  })

  test('let caches keep the JWKS for 300 s, or for the lead when that is shorter', () => {
    expect(cacheSecondsOf(times)).toBe(300)
    expect(cacheSecondsOf({ ...times, publishLeadSeconds: 4.5 })).toBe(4)
  })

  test('keep a retired key for the longest token or session and the skew', () => {
    expect(retentionSecondsOf(times)).toBe(7 * DAY + 60)
    expect(retentionSecondsOf({ ...times, longestTokenSeconds: 8 * DAY })).toBe(8 * DAY + 60)
  })

  test('give a warning for a lead that is shorter than some caches, and for a JWKS that would grow long', () => {
    expect(doubtsAboutKeyTimes({ ...times, publishLeadSeconds: 600 })[0]).toContain('600 s')
    expect(doubtsAboutKeyTimes({ ...times, rotationIntervalSeconds: 3600, publishLeadSeconds: 1800 })[0]).toContain(
      '169',
    )
  })
})
