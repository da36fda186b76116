/**
 * The log in memory: read completely at start, then followed, and kept while the database is unavailable. No entry is
 * dropped before it expires, even when the database loses it: then this node writes it again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CutOffs, earliestAfter } from './cut-offs.ts'
import { DatabaseClock, thisMoment } from './database-clock.ts'
import type { Entry, LoggedRevocation, LogHead, RevocationLog, TokenMarks } from './revocation.ts'

export interface LiveLogNeeds {
  log: RevocationLog
  /** Called for each failed read. The entries in memory stay in use. */
  onTrouble(error: unknown): void
  /** How often the log is read; 100 ms. */
  pollMs?: number
  /** Whether the connection is proven to lead to the right database. Until then no read counts as current. */
  isProven?(): boolean
  /** Called before the first read from another server, whose log may need a new epoch. */
  settle?(): Promise<void>
}

const batch = 5_000
/**
 * A cut-off is two seconds ahead. It is further ahead only when a clock was set back, and then requests do not wait.
 */
const mostWaitMs = 2_500

interface State {
  head: LogHead
  cutOffs: CutOffs
  /** Ordered by number. */
  entries: LoggedRevocation[]
}

export class LiveLog {
  /** The clock that expires entries and dates frames. */
  readonly clock: DatabaseClock
  readonly #needs: LiveLogNeeds
  readonly #listeners = new Set<(change: { isNewEpoch: boolean }) => void>()
  #state: State
  #lookedAt: number
  #looking: Promise<void> | undefined
  #isStopped = false
  /** How often another server began to answer, and up to which of these changes the log has been read completely. */
  #serverChanges = 0
  #readServerChanges = 0
  #timer: NodeJS.Timeout | undefined

  private constructor(needs: LiveLogNeeds, state: State, clock: DatabaseClock) {
    this.#needs = needs
    this.#state = state
    this.clock = clock
    this.#lookedAt = performance.now()
  }

  /** Reads all unexpired entries, then follows the log until `stop`. */
  static async start(needs: LiveLogNeeds): Promise<LiveLog> {
    const asked = thisMoment()
    const head = await needs.log.advance()
    const clock = new DatabaseClock(head.databaseMs, asked)
    const live = new LiveLog(needs, await readAll(needs.log, head), clock)
    live.#wait()
    return live
  }

  get head(): LogHead {
    return this.#state.head
  }

  /** Milliseconds since the database last confirmed that there is nothing newer. */
  get ageMs(): number {
    return this.#needs.isProven?.() === false ? Number.POSITIVE_INFINITY : performance.now() - this.#lookedAt
  }

  /** Marks a change of server: nothing counts as current until its log has been read completely. */
  doubt(): void {
    this.#serverChanges += 1
    this.#lookedAt = Number.NEGATIVE_INFINITY
  }

  get size(): number {
    return this.#state.entries.length
  }

  voids(marks: TokenMarks): boolean {
    return this.#state.cutOffs.voids(marks)
  }

  /**
   * The `iat` for a token with these marks, from the database's clock. When a cut-off that names the token is ahead,
   * waits until it has passed. No token is dated ahead, so a later cut-off finds its `iat` in the past. If a name of
   * the token is revoked during the wait, returns the original second, so that the new token is already revoked.
   * @param notBefore a cut-off from another source
   */
  async issueSecond(marks: TokenMarks, notBefore = 0): Promise<number> {
    const arrived = this.clock.nowSeconds
    const before = this.#state.cutOffs.cutOffsOf(marks)
    const earliest = Math.max(notBefore, earliestAfter(before))
    if (earliest <= arrived) return arrived
    // A timer may fire a fraction of a millisecond too early.
    const waitMs = Math.ceil(earliest * 1000 - this.clock.nowMs) + 1
    if (waitMs > mostWaitMs) return earliest
    await sleep(waitMs)
    const after = this.#state.cutOffs.cutOffsOf(marks)
    return after.join() === before.join() ? Math.max(earliest, this.clock.nowSeconds) : arrived
  }

  /** Unexpired entries numbered above `seq`, in order. */
  after(seq: number, limit: number = Number.POSITIVE_INFINITY): LoggedRevocation[] {
    const { entries } = this.#state
    const start = firstAbove(entries, seq)
    return entries.slice(start, Math.min(entries.length, start + limit))
  }

  /** Calls the listener at once after every change. @returns a function that removes the listener */
  onChange(listener: (change: { isNewEpoch: boolean }) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Reads the log now, for a revocation that this process has just made. Calls during a read share the next one. */
  async look(): Promise<void> {
    // The running read may have started before the commit.
    await this.#looking
    this.#looking ??= this.#follow().finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  forgetExpired(): void {
    const now = this.clock.nowSeconds
    this.#state.cutOffs.forgetExpired(now)
    this.#state.entries = this.#state.entries.filter(({ exp }) => exp > now)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#looking
    this.#listeners.clear()
  }

  #wait(): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => void this.look().finally(() => this.#wait()), this.#needs.pollMs ?? 100)
    this.#timer.unref()
  }

  async #follow(): Promise<void> {
    if (this.#isStopped) return
    const serverChanges = this.#serverChanges
    const isAfterServerChange = serverChanges !== this.#readServerChanges
    try {
      if (isAfterServerChange) await this.#needs.settle?.()
      const asked = thisMoment()
      const head = await this.#needs.log.advance()
      this.clock.update(head.databaseMs, asked)
      if (isAfterServerChange) await this.#startOver(head)
      else await this.#readNews(head)
      // If the server changed during the read, the read does not count.
      if (this.#serverChanges !== serverChanges) return
      this.#readServerChanges = serverChanges
      this.#lookedAt = asked.monotonicMs
    } catch (error) {
      this.#needs.onTrouble(error)
    }
  }

  async #readNews(head: LogHead): Promise<void> {
    const { head: known } = this.#state
    if (head.epoch !== known.epoch || head.seq < known.seq) return this.#startOver(head)
    if (head.seq > known.seq) {
      for (let seq = known.seq; seq < head.seq; ) {
        const more = await this.#needs.log.readAfter(seq, batch)
        for (const entry of more) this.#take(entry)
        seq = more.length < batch ? head.seq : (more.at(-1)?.seq ?? head.seq)
      }
      this.#state.head = head
      this.#notify(false)
    } else {
      this.#state.head = head
    }
  }

  /** Handles another database, or an older state of the same one: entries that it has lost are written to it again. */
  async #startOver(head: LogHead): Promise<void> {
    const read = await readAll(this.#needs.log, head)
    const now = this.clock.nowSeconds
    const lost = this.#state.entries.filter((entry) => entry.exp > now && !read.cutOffs.has(entry))
    const isSameEpoch = head.epoch === this.#state.head.epoch
    if (lost.length === 0 && isSameEpoch && continues(read, this.#state, now)) {
      this.#state = read
      this.#notify(false)
    } else if (lost.length > 0 || isSameEpoch) {
      await this.#needs.log.restore(lost, isSameEpoch ? head : undefined)
      const restored = await readAll(this.#needs.log, await this.#needs.log.advance())
      this.#replace(restored, lost)
    } else {
      this.#replace(read, [])
    }
  }

  /** Lost entries take effect on this node at once, before they get a new number. */
  #replace(state: State, lost: readonly Entry[]): void {
    for (const entry of lost) state.cutOffs.add(entry)
    this.#state = state
    this.#notify(true)
  }

  #take(entry: LoggedRevocation): void {
    const last = this.#state.entries.at(-1)
    if (last && entry.seq <= last.seq) return
    this.#state.cutOffs.add(entry)
    this.#state.entries.push(entry)
  }

  #notify(isNewEpoch: boolean): void {
    for (const listener of this.#listeners) listener({ isNewEpoch })
  }
}

/** Whether every known number still belongs to the same entry. */
function continues(read: State, known: State, now: number): boolean {
  if (read.head.seq < known.head.seq) return false
  const knownBySeq = new Map(known.entries.map((entry) => [entry.seq, entry]))
  return read.entries.every((entry) => {
    const before = knownBySeq.get(entry.seq)
    if (!before) return entry.seq > known.head.seq || entry.exp <= now
    return before.kind === entry.kind && before.key.equals(entry.key) && before.notBefore === entry.notBefore
  })
}

async function readAll(log: RevocationLog, head: LogHead): Promise<State> {
  const state: State = { head, cutOffs: new CutOffs(head.salt), entries: [] }
  for (let seq = 0; ; ) {
    const more = await log.readAfter(seq, batch)
    for (const entry of more) {
      state.cutOffs.add(entry)
      state.entries.push(entry)
    }
    seq = more.at(-1)?.seq ?? seq
    if (more.length < batch) break
  }
  // Entries numbered between the two queries have been read too.
  state.head = { ...head, seq: Math.max(head.seq, state.entries.at(-1)?.seq ?? 0) }
  return state
}

/** Index of the first entry numbered above `seq`. */
function firstAbove(entries: readonly LoggedRevocation[], seq: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle]?.seq ?? 0) <= seq) low = middle + 1
    else high = middle
  }
  return low
}
