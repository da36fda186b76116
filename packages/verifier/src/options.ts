/** The options of a verifier with their defaults, and their checks. */
import type { JWK } from 'jose'
import { type Algorithm, isAlgorithm } from './algorithms.ts'
import type { Certificate } from './certificate.ts'
import type { Clock } from './clock.ts'
import type { DpopOptions } from './dpop.ts'
import type { WriteLine } from './event-log.ts'
import type { VerifierEvent } from './telemetry.ts'
import type { FeedAuth, Fetch } from './web-requests.ts'

export interface VerifierOptions {
  /** The exact `iss` of tokens: `https://id.example`. */
  issuer: string
  /** The registered audience or audiences of this API. Tokens for other audiences are refused. */
  audience: string | readonly string[]
  /** Accepted signature algorithms. Default: ES256 only. */
  algorithms?: readonly Algorithm[]
  /** Allowed difference of clocks in seconds, 0 to 60. Default 5. */
  clockTolerance?: number
  /** URL of the key set. Default: from the discovery document. */
  jwksUri?: string
  /** Follows the revocation feed. Without it, revoked tokens are accepted until they expire. */
  revocation?: RevocationOptions
  /** Introspection, for routes that require it. Default: with the credentials of `revocation`. */
  introspection?: IntrospectionOptions
  /** Maximum of verified tokens in memory, about 1 kB each. Default `{ max: 10_000 }`; 0 disables the cache. */
  cache?: { max?: number }
  /** Sender-constrained tokens by DPoP (RFC 9449). Default `allowed`. */
  dpop?: 'off' | 'allowed' | 'required' | DpopOptions
  /** Sender-constrained tokens by mutual TLS (RFC 8705). */
  mtls?: MtlsOptions
  /** Called with every event worth a log line or an alert. With a listener, nothing is logged unless `log` is set. */
  onEvent?: (event: VerifierEvent) => void
  /**
   * Writes the log lines about failures of the feed, each reason at most once a minute.
   * Default: `console.warn` when no `onEvent` is set. `false`: no log.
   */
  log?: WriteLine | false
  /** Allows plain HTTP to other machines. Only for networks without attackers. */
  allowInsecureHttp?: true
  /** Replaces the global `fetch`, for a client certificate, a proxy, or a test. */
  fetch?: Fetch
  /** Replaces the system clock in tests. */
  clock?: Clock
}

export interface RevocationOptions {
  /** Credentials of this API, as `claviger apis add <audience> --with-credentials` prints them, or a source of access tokens. */
  auth: FeedAuth
  /** URL of the feed, for a relay or an edge cache. Default: from the discovery document. */
  endpoint?: string
  /**
   * Thumbprints or public keys that may sign the feed: the current key and the
   * next. Without them, the keys of the discovery document are trusted.
   */
  pinnedFeedKeys?: readonly (string | JWK)[]
  /** How long tokens are accepted while the feed is silent. Default 300,000 (five minutes). */
  maxStaleMs?: number
  /** A file, in an existing folder, that stores the feed, so that a restart during an outage knows earlier revocations. */
  persist?: string
  /** Accepts tokens even when the feed is silent for longer than `maxStaleMs`. Revocations are then not detected. */
  failOpen?: true
  /** `stream` (default): server-sent events, or long polls where streams are blocked. `poll`: one request per second, through caches. */
  transport?: 'stream' | 'poll'
  /** Maximum of entries in memory, about 50 bytes each; with more, requests get 503. Default 2,000,000. */
  maxEntries?: number
  /** Default 128 MiB, uncompressed. */
  maxSnapshotBytes?: number
  /** Like `onEvent` above; both listeners are called. */
  onEvent?: (event: VerifierEvent) => void
}

export interface IntrospectionOptions {
  auth?: FeedAuth
  /** Default: from the discovery document. */
  endpoint?: string
  /** Default 300. */
  timeoutMs?: number
}

export interface MtlsOptions {
  /** Accepts only tokens bound to a certificate. */
  required?: boolean
  /**
   * Returns the client's certificate for the framework's request. Default: that
   * of the TLS connection. Behind a proxy that sets the header of RFC 9440:
   * `(request) => clientCertificateOf(request.headers['client-cert'])`.
   */
  certificateOf?: (request: never) => Certificate | undefined
}

/** @throws TypeError that names every fault */
export function checkOptions(options: VerifierOptions): void {
  const { issuer, audience, algorithms, clockTolerance, jwksUri, revocation, introspection, allowInsecureHttp } =
    options
  const faults: string[] = []
  const url = (name: string, value: string | undefined) => {
    if (value === undefined) return
    if (!URL.canParse(value)) faults.push(`${name} is not a URL`)
    else if (!allowInsecureHttp && !isSecure(new URL(value))) faults.push(`${name} must use https`)
  }
  url('issuer', issuer ?? '')
  url('jwksUri', jwksUri)
  url('revocation.endpoint', revocation?.endpoint)
  url('introspection.endpoint', introspection?.endpoint)
  if (issuer?.endsWith('/')) faults.push('issuer must not end with a slash')
  const audiences = [audience].flat()
  if (audiences.length === 0 || !audiences.every((one) => typeof one === 'string' && one !== '')) {
    faults.push('audience is missing: set the registered audience of this API')
  }
  const bad = (algorithms ?? []).filter((alg) => !isAlgorithm(alg))
  if (bad.length > 0 || algorithms?.length === 0)
    faults.push(`algorithms must be asymmetric signature algorithms: ${bad}`)
  const within = (name: string, value: number | undefined, least: number, most: number) => {
    if (value !== undefined && !(value >= least && value <= most)) faults.push(`${name} must be ${least} to ${most}`)
  }
  // Entries are kept for a minute after their expiry, so clocks may differ by no more than a minute.
  within('clockTolerance', clockTolerance, 0, 60)
  within('revocation.maxStaleMs', revocation?.maxStaleMs, 5_000, 86_400_000)
  within('revocation.maxEntries', revocation?.maxEntries, 1, 50_000_000)
  within('cache.max', options.cache?.max, 0, 10_000_000)
  if (revocation && !revocation.auth) faults.push('revocation.auth is missing')
  if (revocation?.pinnedFeedKeys?.length === 0) faults.push('revocation.pinnedFeedKeys is empty')
  if (faults.length > 0) throw new TypeError(`the verifier options are invalid: ${faults.join('; ')}`)
}

const isSecure = ({ protocol, hostname }: URL) =>
  protocol === 'https:' ||
  (protocol === 'http:' && (/^127\.|^\[::1\]$|^localhost$/.test(hostname) || hostname.endsWith('.localhost')))
