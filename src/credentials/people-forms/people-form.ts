/** The form in which one program writes a person, and the functions that all forms share. */
import { Failure } from '../../errors/failure.ts'

export type PersonRecord = Readonly<Record<string, unknown>>

/** `csv`: every value is text, and empty ones are omitted. */
export type RecordSource = 'json' | 'csv'

export interface PeopleForm {
  /** As the report names it: `a Keycloak realm export`. */
  name: string
  /** Other programs check less. An invalid claim of theirs is left out, and the person is imported without it. */
  isLenient: boolean
  recognises(record: PersonRecord, source: RecordSource): boolean
  /**
   * The person as `accounts/import-row.ts` reads one.
   * @throws Failure (invalid) where this record cannot be imported
   */
  read(record: PersonRecord): PersonRecord
}

export const isRecord = (value: unknown): value is PersonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The text; undefined for another type or an empty text. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined

/** CSV has words where JSON has true and false. The row's own check refuses other values. */
export function yesOrNoOf(value: unknown): unknown {
  if (typeof value !== 'string') return value
  const word = value.trim().toLowerCase()
  if (['true', 'yes', '1'].includes(word)) return true
  return ['false', 'no', '0'].includes(word) ? false : value
}

/** The record without members that have no value. */
export const present = (record: PersonRecord): PersonRecord =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined && value !== null))

/** Only these members, unchanged. */
export const picked = (record: PersonRecord, names: readonly string[]): PersonRecord =>
  present(Object.fromEntries(names.map((name) => [name, record[name]])))

export const refusedRow = (fault: string) => new Failure('row_refused', 'invalid', fault)
