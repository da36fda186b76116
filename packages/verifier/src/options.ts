/** What a verifier can be told, and what is assumed of what it is not told. */
import type { JWK } from 'jose'
import { type Algorithm, isAlgorithm } from './algorithms.ts'
import type { Certificate } from './certificate.ts'
import type { Clock } from './clock.ts'
import type { DpopOptions } from './dpop.ts'
import type { WriteLine } from './event-log.ts'
import type { VerifierEvent } from './telemetry.ts'
import type { FeedAuth, Fetch } from './web-requests.ts'

export interface VerifierOptions {
  /** Exactly as in the `iss` of tokens: `https://id.example`. */
  issuer: string
  /** What this API is registered as; tokens for anything else are refused. Several when it has several names. */
  audience: string | readonly string[]
  /** Signature algorithms that count. Default: ES256 alone. */
  algorithms?: readonly Algorithm[]
  /** Seconds by which clocks may differ, 0 to 60. Default 5. */
  clockTolerance?: number
  /** Where the public keys are; by default as the discovery document says. */
  jwksUri?: string
  /** Follow the revocation feed. Without it, tokens hold until they expire. */
  revocation?: RevocationOptions
  /** Ask the issuer about a token where a route demands it; by default with the credentials of `revocation`. */
  introspection?: IntrospectionOptions
  /** Verified tokens kept in memory, about 1 kB each. Default `{ max: 10_000 }`; 0 keeps none. */
  cache?: { max?: number }
  /** Sender-constrained tokens by DPoP (RFC 9449). Default `allowed`. */
  dpop?: 'off' | 'allowed' | 'required' | DpopOptions
  /** Sender-constrained tokens by mutual TLS (RFC 8705). */
  mtls?: MtlsOptions
  /** Called with everything worth a log line or an alarm. With a listener, nothing is logged unless `log` is given. */
  onEvent?: (event: VerifierEvent) => void
  /**
   * Where the lines go that say why the feed cannot be followed, each reason once a minute at most.
   * Default: `console.warn` when no `onEvent` is given. `false`: nowhere.
   */
  log?: WriteLine | false
  /** Plain HTTP to other than this machine: only on networks that nobody else can touch. */
  allowInsecureHttp?: true
  /** Instead of the global `fetch`: for a client certificate, a proxy, or a test. */
  fetch?: Fetch
  /** Instead of the system's, in tests. */
  clock?: Clock
}

export interface RevocationOptions {
  /** Credentials of this API, as `claviger apis add <audience> --with-credentials` prints them, or a source of access tokens. */
  auth: FeedAuth
  /** Where the feed is: a relay or an edge cache. Default `<issuer>/revocations`. */
  endpoint?: string
  /**
   * Thumbprints (or whole public keys) that may sign the feed: the current one and
   * the next. Without them, the keys of the discovery document are trusted.
   */
  pinnedFeedKeys?: readonly (string | JWK)[]
  /** How long tokens are accepted while the feed is not heard. Default 300,000 (five minutes). */
  maxStaleMs?: number
  /** A file (in a folder that exists) to keep the feed in, so that a restart during an outage need not begin blind. */
  persist?: string
  /** Accept tokens even when nothing was heard for longer than `maxStaleMs`: revocations are then not noticed. */
  failOpen?: true
  /** `stream` (default): server-sent events, with long polls where they do not come through. `poll`: each second, through caches. */
  transport?: 'stream' | 'poll'
  /** Entries held at most, some 50 bytes each; with more, nothing is decided (503). Default 2,000,000. */
  maxEntries?: number
  /** Default 128 MiB, uncompressed. */
  maxSnapshotBytes?: number
  /** As `onEvent` above; both are told. */
  onEvent?: (event: VerifierEvent) => void
}

export interface IntrospectionOptions {
  auth?: FeedAuth
  /** By default as the discovery document says. */
  endpoint?: string
  /** Default 300. */
  timeoutMs?: number
}

export interface MtlsOptions {
  /** Accept only tokens bound to a certificate. */
  required?: boolean
  /**
   * The client's certificate, from the request as the framework gives it. By
   * default that of the TLS connection. Behind a proxy that sets RFC 9440's header:
   * `(request) => clientCertificateOf(request.headers['client-cert'])`.
   */
  certificateOf?: (request: never) => Certificate | undefined
}

/** @throws TypeError naming everything that is wrong at once */
export function checkOptions(options: VerifierOptions): void {
  const { issuer, audience, algorithms, clockTolerance, jwksUri, revocation, introspection, allowInsecureHttp } =
    options
  const faults: string[] = []
  const url = (name: string, value: string | undefined) => {
    if (value === undefined) return
    if (!URL.canParse(value)) faults.push(`${name} is no URL`)
    else if (!allowInsecureHttp && !isSecure(new URL(value))) faults.push(`${name} must use https`)
  }
  url('issuer', issuer ?? '')
  url('jwksUri', jwksUri)
  url('revocation.endpoint', revocation?.endpoint)
  url('introspection.endpoint', introspection?.endpoint)
  if (issuer?.endsWith('/')) faults.push('issuer must not end with a slash')
  const audiences = [audience].flat()
  if (audiences.length === 0 || !audiences.every((one) => typeof one === 'string' && one !== '')) {
    faults.push('audience is missing: a verifier that takes tokens for anybody protects nobody')
  }
  const bad = (algorithms ?? []).filter((alg) => !isAlgorithm(alg))
  if (bad.length > 0 || algorithms?.length === 0) faults.push(`algorithms must be some of the asymmetric ones: ${bad}`)
  const within = (name: string, value: number | undefined, least: number, most: number) => {
    if (value !== undefined && !(value >= least && value <= most)) faults.push(`${name} must be ${least} to ${most}`)
  }
  // Revocations are kept for a minute longer than they are needed, so clocks may differ by no more.
  within('clockTolerance', clockTolerance, 0, 60)
  within('revocation.maxStaleMs', revocation?.maxStaleMs, 5_000, 86_400_000)
  within('revocation.maxEntries', revocation?.maxEntries, 1, 50_000_000)
  within('cache.max', options.cache?.max, 0, 10_000_000)
  if (revocation && !revocation.auth) faults.push('revocation.auth is missing')
  if (revocation?.pinnedFeedKeys?.length === 0) faults.push('revocation.pinnedFeedKeys pins no key at all')
  if (faults.length > 0) throw new TypeError(`the verifier cannot be made: ${faults.join('; ')}`)
}

const isSecure = ({ protocol, hostname }: URL) =>
  protocol === 'https:' ||
  (protocol === 'http:' && (/^127\.|^\[::1\]$|^localhost$/.test(hostname) || hostname.endsWith('.localhost')))
