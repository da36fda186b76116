/**
 * The log as this process knows it: read whole at the start, followed from then
 * on, kept while the database is away. Nothing that was once known is forgotten
 * before it expires, even when the database forgets: then it is told again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CutOffs, earliestAfter } from './cut-offs.ts'
import { DatabaseClock, thisMoment } from './database-clock.ts'
import type { Entry, LoggedRevocation, LogHead, RevocationLog, TokenMarks } from './revocation.ts'

export interface LiveLogNeeds {
  log: RevocationLog
  /** Told of each look that failed; what is known stays in use. */
  onTrouble(error: unknown): void
  /** How often the log is looked at; 100 ms. */
  pollMs?: number
  /** Does the connection to the log lead where it should? While it does not, nothing counts as read. */
  isProven?(): boolean
  /** Called before the first look at another server: there the log may need a new epoch. */
  settle?(): Promise<void>
}

const batch = 5_000
/** A cut-off lies two seconds on. Farther ahead only where a clock was set back, and then nobody waits for it. */
const mostWaitMs = 2_500

interface State {
  head: LogHead
  cutOffs: CutOffs
  /** By number. */
  entries: LoggedRevocation[]
}

export class LiveLog {
  /** By which entries expire and frames are stamped. */
  readonly clock: DatabaseClock
  readonly #needs: LiveLogNeeds
  readonly #listeners = new Set<(change: { isNewEpoch: boolean }) => void>()
  #state: State
  #lookedAt: number
  #looking: Promise<void> | undefined
  #isStopped = false
  /** How often another server began to answer, and how often the log was read whole since. */
  #doubts = 0
  #settledDoubts = 0
  #timer: NodeJS.Timeout | undefined

  private constructor(needs: LiveLogNeeds, state: State, clock: DatabaseClock) {
    this.#needs = needs
    this.#state = state
    this.clock = clock
    this.#lookedAt = performance.now()
  }

  /** Reads everything that lives, then follows until `stop`. */
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

  /** Milliseconds since the database last said that there is nothing newer. */
  get ageMs(): number {
    return this.#needs.isProven?.() === false ? Number.POSITIVE_INFINITY : performance.now() - this.#lookedAt
  }

  /** Another server answers from now on: nothing is taken for the newest until its log has been read whole. */
  doubt(): void {
    this.#doubts += 1
    this.#lookedAt = Number.NEGATIVE_INFINITY
  }

  get size(): number {
    return this.#state.entries.length
  }

  voids(marks: TokenMarks): boolean {
    return this.#state.cutOffs.voids(marks)
  }

  /**
   * The second that a token with these marks is dated with: the database's, once it has reached every cut-off that names
   * the token. Nothing is dated ahead, so a later cut-off under any name finds it in the past. What is revoked while
   * the request waits makes void what it asks for: then the second in which it came.
   * @param notBefore a cut-off that is known from elsewhere
   */
  async issueSecond(marks: TokenMarks, notBefore = 0): Promise<number> {
    const came = this.clock.nowSeconds
    const before = this.#state.cutOffs.cutOffsOf(marks)
    const earliest = Math.max(notBefore, earliestAfter(before))
    if (earliest <= came) return came
    // A timer may fire a fraction of a millisecond early.
    const waitMs = Math.ceil(earliest * 1000 - this.clock.nowMs) + 1
    if (waitMs > mostWaitMs) return earliest
    await sleep(waitMs)
    const after = this.#state.cutOffs.cutOffsOf(marks)
    return after.join() === before.join() ? Math.max(earliest, this.clock.nowSeconds) : came
  }

  /** Living entries numbered above `seq`, in order. */
  after(seq: number, limit: number = Number.POSITIVE_INFINITY): LoggedRevocation[] {
    const { entries } = this.#state
    const start = firstAbove(entries, seq)
    return entries.slice(start, Math.min(entries.length, start + limit))
  }

  /** Called after every change, at once. Returns the way to stop. */
  onChange(listener: (change: { isNewEpoch: boolean }) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Looks now: somebody has just revoked something here. Looks that are asked for meanwhile are one. */
  async look(): Promise<void> {
    // What runs may have asked before the commit in question.
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
    const doubts = this.#doubts
    const isDoubted = doubts !== this.#settledDoubts
    try {
      if (isDoubted) await this.#needs.settle?.()
      const asked = thisMoment()
      const head = await this.#needs.log.advance()
      this.clock.heard(head.databaseMs, asked)
      if (isDoubted) await this.#startOver(head)
      else await this.#goOnFrom(head)
      // A doubt that came meanwhile concerns what was just read.
      if (this.#doubts !== doubts) return
      this.#settledDoubts = doubts
      this.#lookedAt = asked.monotonicMs
    } catch (error) {
      this.#needs.onTrouble(error)
    }
  }

  async #goOnFrom(head: LogHead): Promise<void> {
    const { head: known } = this.#state
    if (head.epoch !== known.epoch || head.seq < known.seq) return this.#startOver(head)
    if (head.seq > known.seq) {
      for (let seq = known.seq; seq < head.seq; ) {
        const more = await this.#needs.log.readAfter(seq, batch)
        for (const entry of more) this.#take(entry)
        seq = more.length < batch ? head.seq : (more.at(-1)?.seq ?? head.seq)
      }
      this.#state.head = head
      this.#tell(false)
    } else {
      this.#state.head = head
    }
  }

  /** Another database answers than before, or the same as it was earlier: it learns what it has forgotten. */
  async #startOver(head: LogHead): Promise<void> {
    const read = await readAll(this.#needs.log, head)
    const now = this.clock.nowSeconds
    const lost = this.#state.entries.filter((entry) => entry.exp > now && !read.cutOffs.has(entry))
    const isSameEpoch = head.epoch === this.#state.head.epoch
    if (lost.length === 0 && isSameEpoch && continues(read, this.#state, now)) {
      this.#state = read
      this.#tell(false)
    } else if (lost.length > 0 || isSameEpoch) {
      await this.#needs.log.restore(lost, isSameEpoch ? head : undefined)
      const restored = await readAll(this.#needs.log, await this.#needs.log.advance())
      this.#replace(restored, lost)
    } else {
      this.#replace(read, [])
    }
  }

  /** What was lost counts here at once, whatever its number will be. */
  #replace(state: State, lost: readonly Entry[]): void {
    for (const entry of lost) state.cutOffs.add(entry)
    this.#state = state
    this.#tell(true)
  }

  #take(entry: LoggedRevocation): void {
    const last = this.#state.entries.at(-1)
    if (last && entry.seq <= last.seq) return
    this.#state.cutOffs.add(entry)
    this.#state.entries.push(entry)
  }

  #tell(isNewEpoch: boolean): void {
    for (const listener of this.#listeners) listener({ isNewEpoch })
  }
}

/** Does every number that was known still stand for the same entry? */
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
  // What was numbered between the two questions is known already.
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
