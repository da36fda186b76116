/** Instants and durations as readable text. */
const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

/** `3 days`, `1 hour`, `less than a minute`: rounded to one unit. */
export function span(seconds: number): string {
  const length = Math.abs(seconds)
  for (const [unit, size] of units) {
    // Thirty days minus a few seconds count as thirty days.
    if (length >= 0.95 * size) return counted(Math.max(1, Math.round(length / size)), unit)
  }
  return 'less than a minute'
}

/** The exact duration, in the largest unit that divides it: `90 minutes`, `1 day`. */
export function duration(seconds: number): string {
  for (const [unit, size] of units) if (seconds >= size && seconds % size === 0) return counted(seconds / size, unit)
  return counted(seconds, 'second')
}

/** `in 27 days`, `3 hours ago`, `just now`; a dash when `at` is undefined. */
export function fromNow(at: Date | undefined, now: Date): string {
  if (!at) return '–'
  const seconds = (at.getTime() - now.getTime()) / 1000
  if (Math.abs(seconds) < 60) return seconds > 1 ? 'within a minute' : 'just now'
  return seconds > 0 ? `in ${span(seconds)}` : `${span(seconds)} ago`
}

/** `2026-11-22 04:33 UTC`. */
export const instant = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** `2026-11-22 04:33 UTC (3 days ago)`. */
export const dated = (at: Date | undefined, now: Date): string | undefined =>
  at && `${instant(at)} (${fromNow(at, now)})`

/** `1 session`, `3 sessions`. */
export const counted = (count: number, singular: string, plural = `${singular}s`): string =>
  `${count} ${count === 1 ? singular : plural}`
