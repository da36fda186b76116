import { describe, expect, test } from '@jest/globals'
import { dated, duration, fromNow, span } from '../../src/cli/moment.ts'

const now = new Date('2026-03-01T12:00:00Z')
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)

describe('an instant', () => {
  test.each([
    [0, 'just now'],
    [-59, 'just now'],
    [59, 'within a minute'],
    [-60, '1 minute ago'],
    [-5400, '2 hours ago'],
    [3600, 'in 1 hour'],
    [-86_400 * 3, '3 days ago'],
    // Thirty days minus the time of the query count as thirty days.
    [86_400 * 30 - 10, 'in 30 days'],
  ])('%d seconds from now is printed as "%s"', (seconds, text) => {
    expect(fromNow(later(seconds), now)).toBe(text)
  })

  test('that is undefined is printed as a dash, and has no date', () => {
    expect(fromNow(undefined, now)).toBe('–')
    expect(dated(undefined, now)).toBeUndefined()
  })

  test('can be printed with its date', () => {
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
  ])('of %d seconds is printed exactly as "%s"', (seconds, text) => {
    expect(duration(seconds)).toBe(text)
  })

  test('can be printed rounded to one unit', () => {
    expect([span(20), span(3_500), span(5_400)]).toEqual(['less than a minute', '1 hour', '2 hours'])
  })
})
