/** Maps every error to an HTTP status and an OAuth error code. */
import { Failure, type FailureKind } from '../../errors/failure.ts'
import { HttpRefusal } from './http-refusal.ts'

const statusOfKind = {
  invalid: 400,
  denied: 403,
  missing: 404,
  conflict: 409,
  throttled: 429,
  unavailable: 503,
} as const satisfies Record<FailureKind, number>

/** Codes of RFC 6749 §5.2 and §4.1.2.1, where these define one. */
const errorOfStatus: Readonly<Record<number, string>> = {
  403: 'access_denied',
  404: 'not_found',
  429: 'temporarily_unavailable',
  500: 'server_error',
  503: 'temporarily_unavailable',
}

export interface Answer {
  status: number
  /** The OAuth error code, for programs. */
  error: string
  sentence: string
  headers: Readonly<Record<string, string>>
  /** Shown on error pages outside production. */
  reason?: string
  /** False: the error is a bug, and the log gets its stack. */
  isExpected: boolean
}

const defaultRetrySeconds = 5

export function answerTo(reason: unknown): Answer {
  if (reason instanceof Failure) return answerToFailure(reason)
  if (reason instanceof HttpRefusal) return answerWith(reason.status, reason.message, reason.headers)
  const status = clientFault(reason)
  if (status) return answerWith(status, 'The request cannot be understood.')
  return { ...answerWith(500, 'Something went wrong on our side.'), reason: String(reason), isExpected: false }
}

export const answerWith = (status: number, sentence: string, headers: Answer['headers'] = {}): Answer => ({
  status,
  error: errorOfStatus[status] ?? 'invalid_request',
  sentence,
  headers,
  isExpected: true,
})

function answerToFailure({ code, kind, message, retryAfterSeconds }: Failure): Answer {
  const status = statusOfKind[kind]
  const mayRetry = kind === 'unavailable' || kind === 'throttled'
  const headers: Record<string, string> = mayRetry
    ? { 'Retry-After': String(Math.ceil(retryAfterSeconds ?? defaultRetrySeconds)) }
    : {}
  return { ...answerWith(status, message, headers), reason: `${code}: ${message}` }
}

/** Koa and Node mark a client's fault with a 4xx status (`http-errors`), or with the code of a closed connection. */
function clientFault(reason: unknown): number | undefined {
  if (!(reason instanceof Error)) return undefined
  const { status, expose, code } = reason as Error & { status?: unknown; expose?: unknown; code?: unknown }
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return 400
  return typeof status === 'number' && status >= 400 && status < 500 && expose === true ? status : undefined
}
