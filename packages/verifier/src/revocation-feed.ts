/** Combines the parts of the feed: the list of revocations, its freshness, and the loop that follows the feed. */
import type { Clock } from './clock.ts'
import type { Discovery } from './discovery.ts'
import { type ArchiveFiles, FeedArchive } from './feed-archive.ts'
import { FeedFollower } from './feed-follower.ts'
import { FeedKeys } from './feed-keys.ts'
import { FeedRequests, publishedKeys } from './feed-requests.ts'
import { type FeedState, Freshness } from './freshness.ts'
import type { RevocationOptions } from './options.ts'
import type { Platform } from './platform.ts'
import { RevocationList } from './revocation-list.ts'
import type { Telemetry } from './telemetry.ts'
import type { Fetch } from './web-requests.ts'

export interface RevocationFeedNeeds {
  issuer: string
  options: RevocationOptions
  discovery: Discovery
  platform: Platform
  clock: Clock
  fetch: Fetch
  telemetry: Telemetry
  signal: AbortSignal
  /** Called after new revocations, with their keys; undefined when there are too many to list. */
  changed(keys: readonly string[] | undefined): void
  /** Called with the version of the key set in each frame that has one. */
  jwksAnnounced(version: string): void
}

const defaults = { maxStaleMs: 300_000, maxEntries: 2_000_000, maxSnapshotBytes: 128 * 1024 * 1024 }
const forgetEveryMs = 60_000

export class RevocationFeed {
  readonly list: RevocationList
  readonly #freshness: Freshness
  readonly #follower: FeedFollower
  readonly #archive: FeedArchive | undefined
  readonly #clock: Clock
  #forgotAt: number
  #following: Promise<void> | undefined

  constructor(needs: RevocationFeedNeeds, files: ArchiveFiles | undefined) {
    const { issuer, options, discovery, platform, clock, fetch, telemetry, signal, changed, jwksAnnounced } = needs
    const feed = `${issuer}/revocations`
    this.#clock = clock
    this.#forgotAt = clock.monotonicMs()
    this.#freshness = new Freshness(clock, options.maxStaleMs ?? defaults.maxStaleMs)
    this.list = new RevocationList(this.#freshness, options.maxEntries ?? defaults.maxEntries, changed)
    this.#archive =
      options.persist !== undefined && files ? new FeedArchive(options.persist, files, telemetry) : undefined
    const keys = new FeedKeys({
      pinned: options.pinnedFeedKeys,
      published: async () => publishedKeys(await discovery.read(0)),
      platform,
      clock,
    })
    this.#follower = new FeedFollower({
      requests: new FeedRequests({
        endpoint: async () => options.endpoint ?? discovery.endpoint('revocation_feed_endpoint'),
        auth: options.auth,
        fetch,
        signal,
        maxSnapshotBytes: options.maxSnapshotBytes ?? defaults.maxSnapshotBytes,
      }),
      list: this.list,
      freshness: this.#freshness,
      sender: { issuer, feed, keys },
      platform,
      clock,
      telemetry,
      signal,
      state: () => this.state,
      transport: options.transport ?? 'stream',
      archive: this.#archive,
      jwksAnnounced,
    })
  }

  get state(): Exclude<FeedState, 'OFF'> {
    return this.#freshness.state(this.list.hasSnapshot, this.list.isComplete)
  }

  get ageMs(): number {
    return this.#freshness.ageMs
  }

  start(): void {
    this.#following ??= this.#follower.follow()
  }

  /** Removes expired entries, once a minute. */
  tidy(): void {
    if (this.#clock.monotonicMs() - this.#forgotAt < forgetEveryMs) return
    this.#forgotAt = this.#clock.monotonicMs()
    this.list.forget()
  }

  /** Resolves when the loop and the writes have ended, after the signal was aborted. */
  async stopped(): Promise<void> {
    await this.#following
    await this.#archive?.settled()
  }
}
