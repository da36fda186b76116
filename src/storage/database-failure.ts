/** Which errors of `pg` mean that the database is away, and which that it will not have us. */
import { isNativeError } from 'node:util/types'
import { Failure } from '../errors/failure.ts'

/** SQLSTATE classes and codes after which the same request may well succeed in a moment. */
const passing = /^(08...|57P0.|53300|57014|25006|58030)$/

/** What Node says when the other end is not there. */
const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
])

/** `pg` gives these no code. */
const lost =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/

/** Credentials, certificate or database name are wrong: waiting will not help, an operator will. */
const refused = /^(28...|3D000)$/

/** The error as a `Failure` when it is about the connection; any other error as it is. */
export function asFailure(error: unknown): unknown {
  if (!isNativeError(error) || error instanceof Failure) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (passing.test(code) || unreachable.has(code) || lost.test(error.message) || isUnreachableEverywhere(error)) {
    return new Failure('database_unavailable', 'unavailable', 'The database cannot be reached right now.', {
      cause: error,
      retryAfterSeconds: 2,
    })
  }
  if (refused.test(code)) {
    return new Failure(
      'database_refused',
      'unavailable',
      'The database refused the connection: check the user, the password and the database name in DATABASE_URL or PG*.',
      { cause: error, retryAfterSeconds: 30 },
    )
  }
  return error
}

/** A host name with several addresses fails with one error for each. */
const isUnreachableEverywhere = (error: Error): boolean =>
  'errors' in error &&
  Array.isArray(error.errors) &&
  error.errors.some((one: unknown) => isNativeError(one) && 'code' in one && unreachable.has(String(one.code)))
