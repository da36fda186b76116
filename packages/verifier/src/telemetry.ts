/** The telemetry of a verifier: counters for a dashboard, events for a log or an alert. */
import type { FeedState } from './freshness.ts'
import type { Kind } from './marks.ts'
import type { RefusalReason } from './verdict.ts'

/** An event worth a log line. No event contains a token or a secret. */
export type VerifierEvent =
  /** The feed's state changed; alert on STALE and BLIND. */
  | { type: 'state'; from: FeedState; to: FeedState; ageMs: number }
  /** A snapshot was loaded. */
  | { type: 'snapshot'; from: 'feed' | 'disk'; epoch: string; seq: number; entries: number }
  /** Entries were missing and are being fetched. */
  | { type: 'gap'; seq: number }
  /** A frame was dropped: forged, or damaged on its way. */
  | { type: 'frame-refused'; reason: string }
  /** A frame in order was signed at another time than this clock shows: a clock is wrong, or the frame is replayed. */
  | { type: 'untimely'; signedSecondsAgo: number }
  /** The feed, the key set, the introspection endpoint or the disk failed; the verifier tries again. */
  | { type: 'failure'; what: 'feed' | 'jwks' | 'introspection' | 'persist'; error: unknown }
  /** The feed has more entries than `maxEntries`: requests get 503 until a snapshot fits. */
  | { type: 'overflow'; entries: number }
  /** A revoked token was presented. */
  | { type: 'revoked'; by: Kind | 'introspection'; claims: Readonly<Record<string, unknown>> }
  /** The same DPoP proof came twice: a request was replayed. */
  | { type: 'proof-replayed'; claims: Readonly<Record<string, unknown>> }

export interface VerifierMetrics {
  state: FeedState
  /** Milliseconds since the feed was last proven fresh; Infinity before. */
  feedAgeMs: number
  /** Position in the log, `<epoch>.<seq>`; compare it with `claviger_revocation_log_seq` of the nodes. */
  cursor: string | undefined
  /** Entries in memory. */
  entries: number
  accepted: number
  /** By reason. */
  refused: Partial<Record<RefusalReason, number>>
  /** Revoked tokens presented, by kind of the revocation. */
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
  /** Counters on the path of every request are incremented directly. */
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

  /** A failing listener must not fail a request; `listenerFailures` counts it. */
  emit(event: VerifierEvent): void {
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
