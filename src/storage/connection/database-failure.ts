/** Turns errors of `pg` into Failures with the place, the server's message and the remedy. */
import { isNativeError } from 'node:util/types'
import { Failure } from '../../errors/failure.ts'
import { type DatabasePlace, textOf } from './database-place.ts'
import { reasonFor } from './database-reasons.ts'

/** The content of `Failure.detail`, for the log and the command line, never for a browser. */
export interface FailureDetail extends Record<string, unknown> {
  /** The place, and the message of the server or the system. */
  reason: string
  /** How to fix it. */
  hints: string[]
}

const sqlState = /^[0-9A-Z]{5}$/
const retrySeconds = { database_unavailable: 2, database_refused: 30 } as const

/** Returns a `Failure` if the error is about the database. Returns an error about the statement unchanged. */
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

/** Place, message and remedy, for a Failure with another main sentence. */
export function detailOf(error: unknown, place: DatabasePlace): FailureDetail {
  if (error instanceof Failure) return { reason: error.message, hints: [], ...error.detail }
  if (!isNativeError(error)) return { reason: `${textOf(place)}: ${String(error)}`, hints: [] }
  const { code, words } = spoken(error)
  const hint = reasonFor(code, words)?.hint(place, words)
  const message =
    code === '' || words.includes(code) ? words : `${words} (${sqlState.test(code) ? 'SQLSTATE ' : ''}${code})`
  return { reason: `${textOf(place)}: ${message}`, hints: hint === undefined ? [] : [hint] }
}

/** A host name with several addresses gives one error per address. Uses the first code and joins the messages. */
function spoken(error: Error): { code: string; words: string } {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (error.message === '' && 'errors' in error && Array.isArray(error.errors)) {
    const each = error.errors.filter((one) => isNativeError(one)).map(spoken)
    return { code: code || (each[0]?.code ?? ''), words: each.map(({ words }) => words).join('; ') }
  }
  return { code, words: error.message }
}
