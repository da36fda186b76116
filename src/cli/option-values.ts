/** How option values are read. Each throws commander's own error, so that the complaint names the option. */
import { InvalidArgumentError } from 'commander'

export const collect = (value: string, earlier: readonly string[] | undefined): string[] => [...(earlier ?? []), value]

export const wholeNumber =
  (least: number, most: number) =>
  (value: string): number => {
    const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN
    if (number >= least && number <= most) return number
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** `90s`, `10m`, `24h`, `30d` as seconds. */
export function durationSeconds(value: string): number {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(value) ?? []
  if (digits && unit && Number(digits) > 0) return Number(digits) * (unitSeconds[unit] ?? 1)
  throw new InvalidArgumentError('Write a duration such as 90s, 10m, 24h or 30d.')
}

export const oneOf =
  <Choice extends string>(...choices: readonly Choice[]) =>
  (value: string): Choice => {
    const choice = choices.find((each) => each === value)
    if (choice !== undefined) return choice
    throw new InvalidArgumentError(`It must be one of ${choices.join(', ')}.`)
  }
