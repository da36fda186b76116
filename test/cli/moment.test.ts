import { describe, expect, test } from '@jest/globals'
import { dated, duration, fromNow, span } from '../../src/cli/moment.ts'

const now = new Date('2026-03-01T12:00:00Z')
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)

describe('an instant is told as people say it', () => {
  test.each([
    [0, 'just now'],
    [-59, 'just now'],
    [59, 'within a minute'],
    [-60, '1 minute ago'],
    [-5400, '2 hours ago'],
    [3600, 'in 1 hour'],
    [-86_400 * 3, '3 days ago'],
    // Thirty days less the time it took to ask are thirty days.
    [86_400 * 30 - 10, 'in 30 days'],
  ])('%d seconds from now: %s', (seconds, text) => {
    expect(fromNow(later(seconds), now)).toBe(text)
  })

  test('no instant is a dash', () => {
    expect(fromNow(undefined, now)).toBe('–')
    expect(dated(undefined, now)).toBeUndefined()
  })

  test('with its date where that matters', () => {
    expect(dated(later(86_400), now)).toBe('2026-03-02 12:00 UTC (in 1 day)')
  })
})

describe('a length of time', () => {
  test.each([
    [1, '1 second'],
    [90, '90 seconds'],
    [600, '10 minutes'],
    [5400, '90 minutes'],
    [86_400, '1 day'],
  ])('of %d seconds is told exactly: %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text)
  })

  test('that does not matter to the second is told roughly', () => {
    expect([span(20), span(3_500), span(5_400)]).toEqual(['less than a minute', '1 hour', '2 hours'])
  })
})
