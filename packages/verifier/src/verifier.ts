/**
 * @claviger/verifier is for APIs that accept Claviger's access tokens. It verifies them offline (RFC 9068) and knows
 * within a second when one was revoked, because it follows the issuer's revocation feed. It stands alone: it imports
 * nothing of the provider and needs nothing but jose.
 *
 *     const verifier = await createVerifier({
 *       issuer: 'https://id.example',
 *       audience: 'https://orders.example',
 *       revocation: { auth: { clientId, clientSecret }, pinnedFeedKeys: ['9cW1…', 'x0Qf…'] },
 *     })
 *     await verifier.ready()
 *     app.use(koaAuth(verifier, { scope: 'orders:read' }))
 *
 * `token-verifier.ts` judges requests; `feed-follower.ts` follows the feed and
 * `revocation-list.ts` holds what it told; `issuer-keys.ts` has the public keys.
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
   * Resolves when tokens can be decided: the keys are there, and the feed is heard
   * (or remembered from disk, not too long ago). Rejects when the verifier is closed or the signal says stop.
   */
  ready(signal?: AbortSignal): Promise<void>
  /** For a readiness probe. */
  readonly isReady: boolean
  /**
   * Judges a request. Never throws for what a client can send: a verdict that is
   * not `ok` has the status, headers and body to answer with.
   */
  verify(request: VerifyRequest, requirements?: Requirements): Promise<Verdict>
  /**
   * For WebSockets, event streams and other long work: calls back once, when the
   * token that the connection began with is revoked or expires, or when nothing was heard of
   * revocations for too long. Returns the way to stop watching.
   * @param token the text of the access token
   */
  watch(token: string, onEnd: (reason: WatchEnd) => void): () => void
  /** Ends the background work and its connections. */
  close(): Promise<void>
  /** How much is known of revocations at this moment. */
  readonly state: FeedState
  metrics(): VerifierMetrics
  /** The client's certificate of a framework's request, for adapters. */
  certificateOf(request: unknown): Certificate | undefined
}

const tickMs = 250

/** Says who asks, so that the issuer can wait with a rotation for whoever lacks the next key; and which key is unknown here. */
function saying(name: string, jwksUri: string, missing?: string): string {
  const url = new URL(jwksUri)
  url.searchParams.set('verifier', name)
  if (missing !== undefined) url.searchParams.set('missing', missing.slice(0, 128))
  return url.href
}

/**
 * Makes a verifier and begins to fetch what it needs. An issuer that cannot be
 * reached is no error here: it is tried again and again, and until then requests are answered with 503.
 * @throws TypeError when the options are wrong
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
  const url = async (missing?: string) => options.jwksUri ?? saying(name, await discovery.endpoint('jwks_uri'), missing)
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

  let told = feedState()
  const tick = setInterval(() => {
    const state = feedState()
    if (state !== told) telemetry.tell({ type: 'state', from: told, to: state, ageMs: feed?.ageMs ?? 0 })
    told = state
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
        // Not unref'd: whoever waits for this wants the process to live.
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

/** Of the TLS connection that a Node request came by. */
function peerCertificate(request: unknown): Certificate | undefined {
  type Socket = { getPeerCertificate?: () => { raw?: Uint8Array } | undefined }
  const { socket } = request as { socket?: Socket }
  return socket?.getPeerCertificate?.()?.raw
}

/** Loaded only when something is to be kept. */
const nodeFiles = async (): Promise<ArchiveFiles> => (await import('node:fs/promises')) as unknown as ArchiveFiles
