/**
 * outbound asks other people's servers: a client's `jwks_uri`, its logout
 * endpoint, whoever takes our signals. Their addresses are what a client's
 * owner wrote, so nothing else in this house may connect by a name that came
 * from outside. It knows how to ask safely, not what is asked or what the
 * answer means.
 */
import { lookup } from 'node:dns/promises'
import { Failure } from '../errors/failure.ts'
import { createReach, hostOf, type LookUp } from './address-reach.ts'
import { exchange, type OutboundAnswer, type OutboundRequest } from './exchange.ts'

/**
 * Asks once. The name is looked up once, and only addresses of that answer that
 * are public or listed are connected to, so a name that means something else a
 * moment later gains nothing.
 * @throws Failure `outbound_url_refused` (not a plain http(s) URL), `outbound_address_refused` (private, or plain http,
 *   and not listed), `outbound_unresolved`, `outbound_unreachable`, `outbound_timed_out`, `outbound_too_large`,
 *   `outbound_encoded`, `outbound_aborted`
 */
export type GuardedFetch = (url: string, request?: OutboundRequest) => Promise<OutboundAnswer>

export interface OutboundSettings {
  /**
   * Hosts, addresses and CIDR blocks that may be reached though they are private, and by plain http:
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
    throw refusedUrl('Only https URLs (and http URLs of allowed hosts) can be asked.')
  if (url.username || url.password)
    throw refusedUrl('A URL that is asked may not hold a user name or password: take them out.')
  return url
}

const refusedUrl = (sentence: string) => new Failure('outbound_url_refused', 'invalid', sentence)

/** Runs `work`, which must end when `ended` rejects: by time, or because the caller has had enough. */
async function bounded<T>(
  host: string,
  timeoutMs: number,
  signal: AbortSignal,
  work: (ended: Promise<never>) => Promise<T>,
): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>()
  ended.catch(() => {}) // It may be rejected when nobody waits any more.
  const abort = () =>
    reject(
      new Failure('outbound_aborted', 'unavailable', `The request to ${host} was given up.`, { cause: signal.reason }),
    )
  const timer = setTimeout(
    () =>
      reject(
        new Failure(
          'outbound_timed_out',
          'unavailable',
          `${host} did not answer completely within ${timeoutMs} ms: see whether it is up and fast enough.`,
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
