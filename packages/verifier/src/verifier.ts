/**
 * @claviger/verifier is for APIs that accept Claviger's access tokens. It verifies them offline (RFC 9068). It detects
 * a revoked token within a second, because it follows the issuer's revocation feed. It imports nothing of the provider
 * and depends only on jose.
 *
 *     const verifier = await createVerifier({
 *       issuer: 'https://id.example',
 *       audience: 'https://orders.example',
 *       revocation: { auth: { clientId, clientSecret }, pinnedFeedKeys: ['9cW1…', 'x0Qf…'] },
 *     })
 *     await verifier.ready()
 *     app.use(koaAuth(verifier, { scope: 'orders:read' }))
 *
 * `token-verifier.ts` verifies requests; `feed-follower.ts` follows the feed;
 * `revocation-list.ts` holds the revocations; `issuer-keys.ts` has the public keys.
 * docs/revocation-feed.md is the contract with the feed.
 */
import type { Certificate } from './certificate.ts'
import { systemClock, unref } from './clock.ts'
import { Discovery } from './discovery.ts'
import { ProofChecker } from './dpop.ts'
import { eventLog } from './event-log.ts'
import type { ArchiveFiles } from './feed-archive.ts'
import type { FeedState } from './freshness.ts'
import type { HeldToken } from './held-token.ts'
import { Introspection } from './introspection.ts'
import { IssuerKeys } from './issuer-keys.ts'
import { checkOptions, type VerifierOptions } from './options.ts'
import { findPlatform } from './platform.ts'
import type { VerifyRequest } from './request.ts'
import type { Requirements } from './requirements.ts'
import { RevocationFeed } from './revocation-feed.ts'
import { Telemetry, type VerifierMetrics } from './telemetry.ts'
import { TokenCache } from './token-cache.ts'
import { TokenVerifier } from './token-verifier.ts'
import type { Verdict } from './verdict.ts'
import { type WatchEnd, Watchers } from './watchers.ts'

export { expressAuth } from './adapters/express.ts'
export { fastifyAuth } from './adapters/fastify.ts'
export { withAuth } from './adapters/fetch.ts'
export { honoAuth } from './adapters/hono.ts'
export { koaAuth } from './adapters/koa.ts'
export { tokenOf } from './adapters/token-of.ts'
export type { Algorithm } from './algorithms.ts'
export { type Certificate, clientCertificateOf } from './certificate.ts'
export type { Clock } from './clock.ts'
export type { DpopOptions } from './dpop.ts'
export type { FeedState } from './freshness.ts'
export type { IntrospectionOptions, MtlsOptions, RevocationOptions, VerifierOptions } from './options.ts'
export type { VerifyRequest } from './request.ts'
export type { Requirements } from './requirements.ts'
export type { VerifierEvent, VerifierMetrics } from './telemetry.ts'
export type { Accepted, RefusalReason, Refused, Verdict, VerifiedToken } from './verdict.ts'
export type { WatchEnd } from './watchers.ts'
export type { FeedAuth, Fetch } from './web-requests.ts'

export interface Verifier {
  /**
   * Resolves when tokens can be verified: the keys are loaded, and the feed is FRESH or STALE, the latter
   * possibly from disk. Rejects when the verifier is closed or the signal is aborted.
   */
  ready(signal?: AbortSignal): Promise<void>
  /** For a readiness probe. */
  readonly isReady: boolean
  /**
   * Verifies a request. No input of a client makes it throw. A verdict that is
   * not `ok` has the status, headers and body of the response.
   */
  verify(request: VerifyRequest, requirements?: Requirements): Promise<Verdict>
  /**
   * For WebSockets, event streams and other long work: calls back once, when the
   * token of the connection is revoked or expires, or when the feed becomes BLIND.
   * Returns a function that stops the watch.
   * @param token the text of the access token
   */
  watch(token: string, onEnd: (reason: WatchEnd) => void): () => void
  /** Ends the background work and its connections. */
  close(): Promise<void>
  /** The current state of the feed. */
  readonly state: FeedState
  metrics(): VerifierMetrics
  /** The client's certificate for a framework's request. For adapters. */
  certificateOf(request: unknown): Certificate | undefined
}

const tickMs = 250

/** Adds this verifier's name, so that a rotation can wait until it has the next key, and an unknown kid if any. */
function withName(name: string, jwksUri: string, missing?: string): string {
  const url = new URL(jwksUri)
  url.searchParams.set('verifier', name)
  if (missing !== undefined) url.searchParams.set('missing', missing.slice(0, 128))
  return url.href
}

/**
 * Creates a verifier and starts to fetch the key set and the feed. An unreachable issuer
 * is no error here: the verifier retries, and requests get 503 until it succeeds.
 * @throws TypeError when the options are invalid
 */
export async function createVerifier(options: VerifierOptions): Promise<Verifier> {
  checkOptions(options)
  const { issuer, revocation } = options
  const control = new AbortController()
  const { signal } = control
  const platform = await findPlatform()
  const clock = options.clock ?? systemClock
  const fetch = options.fetch ?? globalThis.fetch
  const isHeard = options.onEvent !== undefined || revocation?.onEvent !== undefined
  // biome-ignore lint/suspicious/noConsole: a service that gives no log and no listener reads its console
  const write = options.log ?? (isHeard ? false : console.warn)
  const log = write === false ? undefined : eventLog(issuer, clock, (line) => write(line))
  const telemetry = new Telemetry([options.onEvent, revocation?.onEvent, log])
  const discovery = new Discovery({ issuer, fetch, clock, signal })
  const feedState = (): FeedState => feed?.state ?? 'OFF'
  const algorithms = options.algorithms ?? ['ES256']
  const [name = ''] = [options.audience].flat()
  const url = async (missing?: string) =>
    options.jwksUri ?? withName(name, await discovery.endpoint('jwks_uri'), missing)
  const keys = new IssuerKeys({ url, algorithms, platform, fetch, clock, telemetry, signal, feedState })
  const files = revocation?.persist === undefined ? undefined : await nodeFiles()
  const feed: RevocationFeed | undefined =
    revocation &&
    new RevocationFeed(
      {
        issuer,
        options: revocation,
        discovery,
        platform,
        clock,
        fetch,
        telemetry,
        signal,
        changed: (keys) => watchers.changed(keys),
        jwksAnnounced: (version) => void keys.announced(version),
      },
      files,
    )
  const cache = new TokenCache<HeldToken>(options.cache?.max ?? 10_000)
  const failOpen = revocation?.failOpen === true
  const auth = options.introspection?.auth ?? revocation?.auth
  const tokens = new TokenVerifier({
    rules: { issuer, audiences: [options.audience].flat(), tolerance: options.clockTolerance ?? 5 },
    algorithms,
    platform,
    clock,
    keys,
    cache,
    list: feed?.list,
    feedState,
    failOpen,
    proofs: new ProofChecker(
      typeof options.dpop === 'string' ? { mode: options.dpop } : (options.dpop ?? {}),
      platform,
      clock,
    ),
    certificateRequired: options.mtls?.required === true,
    introspection:
      auth &&
      new Introspection({
        endpoint: async () => options.introspection?.endpoint ?? discovery.endpoint('introspection_endpoint'),
        auth,
        fetch,
        clock,
        telemetry,
        timeoutMs: options.introspection?.timeoutMs ?? 300,
        signal,
      }),
    telemetry,
  })
  const watchers = new Watchers(endOf, () => telemetry.count('listenerFailures'))

  function endOf(held: HeldToken): WatchEnd | undefined {
    if (tokens.revokedBy(held) !== undefined) return 'revoked'
    if (tokens.timeFault(held) === 'expired') return 'expired'
    return feedState() === 'BLIND' && !failOpen ? 'unknown' : undefined
  }

  let announced = feedState()
  const tick = setInterval(() => {
    const state = feedState()
    if (state !== announced) telemetry.emit({ type: 'state', from: announced, to: state, ageMs: feed?.ageMs ?? 0 })
    announced = state
    feed?.tidy()
    watchers.lookAll()
  }, tickMs)
  unref(tick)
  const refreshing = keys.keepFresh()
  feed?.start()

  const verifier: Verifier = {
    async ready(until) {
      while (!verifier.isReady) {
        if (signal.aborted) throw new Error('the verifier is closed')
        until?.throwIfAborted()
        // Not unref'd: the process must stay alive while a caller waits.
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    get isReady() {
      return keys.isLoaded && ['OFF', 'FRESH', 'STALE'].includes(feedState())
    },
    verify: (request, requirements = {}) => tokens.verify(request, requirements),
    watch(token, onEnd) {
      let stop: (() => void) | undefined
      let isStopped = false
      void tokens.find(token).then((held) => {
        if (isStopped) return
        if (held) stop = watchers.add(held, onEnd)
        else onEnd('refused')
      })
      return () => {
        isStopped = true
        stop?.()
      }
    },
    async close() {
      control.abort()
      clearInterval(tick)
      watchers.clear()
      await Promise.all([refreshing, feed?.stopped()])
    },
    get state() {
      return feedState()
    },
    metrics: () => ({
      ...telemetry.read(),
      state: feedState(),
      feedAgeMs: feed?.ageMs ?? 0,
      cursor: feed?.list.cursor && `${feed.list.cursor.epoch}.${feed.list.cursor.seq}`,
      entries: feed?.list.revoked.size ?? 0,
      cachedTokens: cache.size,
    }),
    certificateOf:
      (options.mtls?.certificateOf as ((request: unknown) => Certificate | undefined) | undefined) ?? peerCertificate,
  }
  return verifier
}

/** The certificate of a Node request's TLS connection. */
function peerCertificate(request: unknown): Certificate | undefined {
  type Socket = { getPeerCertificate?: () => { raw?: Uint8Array } | undefined }
  const { socket } = request as { socket?: Socket }
  return socket?.getPeerCertificate?.()?.raw
}

/** Loaded only with `persist`. */
const nodeFiles = async (): Promise<ArchiveFiles> => (await import('node:fs/promises')) as unknown as ArchiveFiles
