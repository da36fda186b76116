/**
 * outbound sends requests to other servers: a client's `jwks_uri`, its logout endpoint, a receiver of signals. Client
 * owners write these addresses, so no other room may connect to a name from outside. outbound only makes requests
 * safe; the callers decide what to send and interpret the response.
 */
import { lookup } from 'node:dns/promises'
import { Failure } from '../errors/failure.ts'
import { createReach, hostOf, type LookUp } from './address-reach.ts'
import { exchange, type OutboundAnswer, type OutboundRequest } from './exchange.ts'

/**
 * Sends one request. The name is looked up once. Only addresses of that result that are public or listed are connected
 * to, so a later change of the name has no effect.
 * @throws Failure `outbound_url_refused` (not a plain http(s) URL), `outbound_address_refused` (private, or plain
 * http, and not listed), `outbound_unresolved`, `outbound_unreachable`, `outbound_timed_out`, `outbound_too_large`,
 * `outbound_encoded`, `outbound_aborted`
 */
export type GuardedFetch = (url: string, request?: OutboundRequest) => Promise<OutboundAnswer>

export interface OutboundSettings {
  /**
   * Hosts, addresses and CIDR blocks that may be connected to although they are private, also by plain http:
   * `CLAVIGER_OUTBOUND_ALLOWED`.
   */
  allowed: readonly string[]
  lookUp?: LookUp
}

const systemLookUp: LookUp = (host) => lookup(host, { all: true, order: 'verbatim' })

export function createGuardedFetch({ allowed, lookUp = systemLookUp }: OutboundSettings): GuardedFetch {
  const reach = createReach(allowed, lookUp)
  return async (given, request = {}) => {
    const url = plainUrl(given)
    const signal = request.signal ?? new AbortController().signal
    const timeoutMs = request.timeoutMs ?? 5_000
    return bounded(hostOf(url), timeoutMs, signal, async (ended) => {
      const addresses = await Promise.race([reach(url), ended])
      return exchange(url, addresses, request, ended)
    })
  }
}

/** @throws Failure `outbound_url_refused` */
function plainUrl(given: string): URL {
  const url = URL.parse(given)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw refusedUrl(
      'Requests are sent only to https URLs, and to http URLs of hosts listed in CLAVIGER_OUTBOUND_ALLOWED.',
    )
  if (url.username || url.password)
    throw refusedUrl('The URL contains a user name or password. Remove it from the URL.')
  return url
}

const refusedUrl = (sentence: string) => new Failure('outbound_url_refused', 'invalid', sentence)

/** Runs `work`, which must end when `ended` rejects: after the timeout, or when the caller aborts. */
async function bounded<T>(
  host: string,
  timeoutMs: number,
  signal: AbortSignal,
  work: (ended: Promise<never>) => Promise<T>,
): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>()
  ended.catch(() => {}) // Avoids an unhandled rejection after `work` has ended.
  const abort = () =>
    reject(
      new Failure('outbound_aborted', 'unavailable', `The request to ${host} was aborted.`, { cause: signal.reason }),
    )
  const timer = setTimeout(
    () =>
      reject(
        new Failure(
          'outbound_timed_out',
          'unavailable',
          `${host} did not answer completely within ${timeoutMs} ms. Check that it is running and fast enough.`,
        ),
      ),
    timeoutMs,
  )
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await work(ended)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}
