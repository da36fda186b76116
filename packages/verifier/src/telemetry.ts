/** What a verifier tells about itself: counters for a dashboard, events for a log or an alarm. */
import type { FeedState } from './freshness.ts'
import type { Kind } from './marks.ts'
import type { RefusalReason } from './verdict.ts'

/** Something worth a log line. None of them holds a token or a secret. */
export type VerifierEvent =
  /** The feed's state changed; alert on STALE and BLIND. */
  | { type: 'state'; from: FeedState; to: FeedState; ageMs: number }
  /** A snapshot was taken in. */
  | { type: 'snapshot'; from: 'feed' | 'disk'; epoch: string; seq: number; entries: number }
  /** Something was missing; it is being fetched. */
  | { type: 'gap'; seq: number }
  /** A frame was dropped: somebody forges, or something in between breaks them. */
  | { type: 'frame-refused'; reason: string }
  /** Frames arrive in order, but were signed at another time than ours: this clock or the issuer's is wrong, or they are replayed. */
  | { type: 'untimely'; signedSecondsAgo: number }
  /** The feed, the key set, the introspection endpoint or the disk failed; it is tried again. */
  | { type: 'failure'; what: 'feed' | 'jwks' | 'introspection' | 'persist'; error: unknown }
  /** More entries than `maxEntries`: nothing is decided until a snapshot fits. */
  | { type: 'overflow'; entries: number }
  /** A revoked token was presented. */
  | { type: 'revoked'; by: Kind | 'introspection'; claims: Readonly<Record<string, unknown>> }
  /** The same DPoP proof came twice: somebody replays requests. */
  | { type: 'proof-replayed'; claims: Readonly<Record<string, unknown>> }

export interface VerifierMetrics {
  state: FeedState
  /** Milliseconds since the feed was last proven fresh; Infinity before. */
  feedAgeMs: number
  /** How far the log is known, `<epoch>.<seq>`: compare with `claviger_revocation_log_seq` of the nodes. */
  cursor: string | undefined
  /** Entries held. */
  entries: number
  accepted: number
  /** By reason. */
  refused: Partial<Record<RefusalReason, number>>
  /** Revoked tokens presented, by what they were revoked with. */
  revoked: Partial<Record<Kind | 'introspection', number>>
  cacheHits: number
  cacheMisses: number
  cachedTokens: number
  framesApplied: number
  framesRefused: number
  gaps: number
  snapshots: number
  feedConnections: number
  feedFailures: number
  jwksFetches: number
  jwksFailures: number
  introspections: number
  /** Times `onEvent` threw. */
  listenerFailures: number
}

type Counter = {
  [Name in keyof VerifierMetrics]: VerifierMetrics[Name] extends number ? Name : never
}[keyof VerifierMetrics]

export type CounterName = Exclude<Counter, 'feedAgeMs' | 'entries' | 'cachedTokens'>

export class Telemetry {
  readonly #listeners: readonly ((event: VerifierEvent) => void)[]
  /** Those on the way of every request are counted here directly. */
  readonly counters: Record<CounterName, number> = {
    accepted: 0,
    cacheHits: 0,
    cacheMisses: 0,
    framesApplied: 0,
    framesRefused: 0,
    gaps: 0,
    snapshots: 0,
    feedConnections: 0,
    feedFailures: 0,
    jwksFetches: 0,
    jwksFailures: 0,
    introspections: 0,
    listenerFailures: 0,
  }
  readonly #refused: VerifierMetrics['refused'] = {}
  readonly #revoked: VerifierMetrics['revoked'] = {}

  constructor(listeners: readonly (((event: VerifierEvent) => void) | undefined)[]) {
    this.#listeners = listeners.filter((listener) => listener !== undefined)
  }

  count(name: CounterName): void {
    this.counters[name] += 1
  }

  countRefused(reason: RefusalReason): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1
  }

  /** A listener that fails must not take a request with it; how often it did can be seen. */
  tell(event: VerifierEvent): void {
    if (event.type === 'revoked') this.#revoked[event.by] = (this.#revoked[event.by] ?? 0) + 1
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch {
        this.counters.listenerFailures += 1
      }
    }
  }

  read(): Pick<VerifierMetrics, CounterName | 'refused' | 'revoked'> {
    return { ...this.counters, refused: { ...this.#refused }, revoked: { ...this.#revoked } }
  }
}
