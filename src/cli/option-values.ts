/** Parsers of option values. They throw commander's own error, so that the message names the option. */
import { InvalidArgumentError } from 'commander'

export const collect = (value: string, earlier: readonly string[] | undefined): string[] => [...(earlier ?? []), value]

export const wholeNumber =
  (least: number, most: number) =>
  (value: string): number => {
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
    if (number >= least && number <= most) return number
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** A duration and its text as typed. Output repeats the text, so that `60m` stays `60m`. */
export interface TypedDuration {
  seconds: number
  text: string
}

/** Seconds of `90s`, `10m`, `24h`, `30d`; undefined for any other text. */
export function durationSeconds(value: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(value) ?? []
  return digits && unit ? Number(digits) * (unitSeconds[unit] ?? 1) : undefined
}

/** `90s`, `10m`, `24h`, `30d`. */
export function typedDuration(value: string): TypedDuration {
  const seconds = durationSeconds(value)
  if (seconds) return { seconds, text: value }
  throw new InvalidArgumentError('Write a duration such as 90s, 10m, 24h or 30d.')
}

/** As `typedDuration`, but accepts `0`. */
export const durationOrZero = (value: string): TypedDuration =>
  /^0+[smhd]?$/.test(value) ? { seconds: 0, text: value } : typedDuration(value)

const date = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})?)?$/

/** A duration such as `24h`, counted back from now, or a date with or without a time. The default zone is UTC. */
export const instantBefore =
  (now: () => Date) =>
  (value: string): Date => {
    const seconds = durationSeconds(value)
    if (seconds !== undefined) return new Date(now().getTime() - seconds * 1000)
    const [, day = '', time = '00:00', zone = 'Z'] = date.exec(value) ?? []
    const midnight = new Date(`${day}T00:00Z`)
    const at = new Date(`${day}T${time}${zone}`)
    // `Date` parses 30 February as 2 March.
    const isReal = !Number.isNaN(at.getTime()) && midnight.toISOString().startsWith(day)
    if (isReal) return at
    throw new InvalidArgumentError(
      'Write how long ago, such as 24h or 7d, or a time such as 2026-03-01 or 2026-03-01T12:00Z.',
    )
  }
