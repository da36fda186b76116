/** Errors of `pg` as Failures that name the place, the server's own words and what to do. */
import { isNativeError } from 'node:util/types'
import { Failure } from '../../errors/failure.ts'
import { type DatabasePlace, textOf } from './database-place.ts'
import { reasonFor } from './database-reasons.ts'

/** What `Failure.detail` holds of it: for the log and for the person at the command line, never for a browser. */
export interface FailureDetail extends Record<string, unknown> {
  /** Where it happened, and what the server or the system said. */
  reason: string
  /** What to do. */
  hints: string[]
}

const sqlState = /^[0-9A-Z]{5}$/
const retrySeconds = { database_unavailable: 2, database_refused: 30 } as const

/** The error as a `Failure` when it is about the database; an error about the statement alone stays as it is. */
export function asFailure(error: unknown, place: DatabasePlace): unknown {
  if (!isNativeError(error) || error instanceof Failure) return error
  const { code, words } = spoken(error)
  const reason = reasonFor(code, words)
  if (!reason) return error
  return new Failure(reason.code, 'unavailable', reason.sentence, {
    cause: error,
    detail: detailOf(error, place),
    retryAfterSeconds: retrySeconds[reason.code],
  })
}

/** Place, words and remedy, for a Failure that another room words by itself. */
export function detailOf(error: unknown, place: DatabasePlace): FailureDetail {
  if (error instanceof Failure) return { reason: error.message, hints: [], ...error.detail }
  if (!isNativeError(error)) return { reason: `${textOf(place)}: ${String(error)}`, hints: [] }
  const { code, words } = spoken(error)
  const hint = reasonFor(code, words)?.hint(place, words)
  const told =
    code === '' || words.includes(code) ? words : `${words} (${sqlState.test(code) ? 'SQLSTATE ' : ''}${code})`
  return { reason: `${textOf(place)}: ${told}`, hints: hint === undefined ? [] : [hint] }
}

/** Of a host name with several addresses each fails with an error of its own: the first speaks for all. */
function spoken(error: Error): { code: string; words: string } {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (error.message === '' && 'errors' in error && Array.isArray(error.errors)) {
    const each = error.errors.filter((one) => isNativeError(one)).map(spoken)
    return { code: code || (each[0]?.code ?? ''), words: each.map(({ words }) => words).join('; ') }
  }
  return { code, words: error.message }
}
