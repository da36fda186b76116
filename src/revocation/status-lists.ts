/**
 * The log of revocations once more, as Token Status Lists: for verifiers that know nothing of the feed
 * (draft-ietf-oauth-status-list-21). Each node derives the lists from the log and the ledger, when somebody asks and
 * no more than once a second; all come to the same. A bit that is set stays set.
 */
import { Failure } from '../errors/failure.ts'
import type { LiveLog } from './live-log.ts'
import type { LoggedRevocation } from './revocation.ts'
import { StatusList } from './status-list.ts'
import { type ListSigner, listExpSeconds, listTtlSeconds, signStatusList } from './status-list-token.ts'
import type { TokenLedger } from './token-ledger.ts'

export interface StatusListsNeeds {
  issuer: string
  log: Pick<LiveLog, 'head' | 'after' | 'ageMs'> & { clock: Pick<LiveLog['clock'], 'nowSeconds'> }
  ledger: Pick<TokenLedger, 'livingLists' | 'findVoid'>
  /** Signs access tokens for the default algorithm at present. */
  signer(): ListSigner
  /** How old what we know may be when a list is asked for; 1 s. */
  lookMs?: number
  /**
   * An entry is looked up when it is new, and again so much later: a token that was
   * being written down at that moment becomes visible after it. The last of these
   * outlasts every statement.
   */
  looksAfterMs?: readonly number[]
}

interface Signed {
  token: string
  kid: string
  version: number
  /** Seconds since the epoch. */
  iat: number
}

interface Kept {
  bits: StatusList
  signed?: Signed | undefined
  signing?: Promise<Signed> | undefined
}

const usualLooksAfterMs = [0, 2_000, 30_000]
/** A name that we do not know may be some milliseconds old. How often a stranger can make us ask. */
const leastLookMs = 200
const unsureMs = 2_000

export class StatusLists {
  readonly #needs: StatusListsNeeds
  #kept = new Map<number, Kept>()
  #epoch = ''
  /** How far the log went, and when. */
  #heads: { seq: number; at: number }[] = []
  readonly #looksAfterMs: readonly number[]
  /** One a look: entries up to here have had it. */
  #cursors: number[]
  #looking: Promise<void> | undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(needs: StatusListsNeeds) {
    this.#needs = needs
    this.#looksAfterMs = needs.looksAfterMs ?? usualLooksAfterMs
    this.#cursors = this.#looksAfterMs.map(() => 0)
  }

  /** Lists that a living token may name. @throws whatever the database throws */
  async names(): Promise<number[]> {
    await this.#know(this.#needs.lookMs ?? 1_000)
    return [...this.#kept.keys()]
  }

  /**
   * The list as a signed JWT, as this second knows it, and when it was signed.
   * Undefined when there is none of that name. @throws Failure `status_unsure`
   */
  async find(list: number): Promise<{ token: string; iat: number } | undefined> {
    try {
      await this.#know(this.#needs.lookMs ?? 1_000)
      if (!this.#kept.has(list)) await this.#know(leastLookMs)
    } catch (cause) {
      return this.#lastOf(list, cause)
    }
    const kept = this.#kept.get(list)
    if (!kept) return undefined
    // Nothing new is vouched for while the log cannot be read.
    return this.#needs.log.ageMs > unsureMs ? this.#lastOf(list, undefined) : this.#signed(list, kept)
  }

  /** What was signed last says itself for how long it may be believed. */
  #lastOf(list: number, cause: unknown): Signed {
    const last = this.#kept.get(list)?.signed
    if (last && last.iat + listExpSeconds > this.#nowSeconds) return last
    throw new Failure('status_unsure', 'unavailable', 'The log cannot be read for a moment.', {
      cause,
      retryAfterSeconds: 1,
    })
  }

  async #signed(list: number, kept: Kept): Promise<Signed> {
    const { signed } = kept
    const isFresh =
      signed &&
      signed.version === kept.bits.version &&
      signed.kid === this.#needs.signer().kid &&
      signed.iat + listTtlSeconds > this.#nowSeconds
    if (isFresh) return signed
    kept.signing ??= this.#sign(list, kept).finally(() => {
      kept.signing = undefined
    })
    return kept.signing
  }

  async #sign(list: number, kept: Kept): Promise<Signed> {
    const { issuer, signer } = this.#needs
    const { version } = kept.bits
    const [iat, key] = [this.#nowSeconds, signer()]
    const token = await signStatusList({ issuer, list, iat, lst: await kept.bits.encoded() }, key)
    kept.signed = { token, kid: key.kid, version, iat }
    return kept.signed
  }

  get #nowSeconds(): number {
    return this.#needs.log.clock.nowSeconds
  }

  /** Resolves when what is known is no older than that. Askers share a look. */
  async #know(ageMs: number): Promise<void> {
    if (performance.now() - this.#lookedAt <= ageMs) return
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { ledger, log } = this.#needs
    const at = performance.now()
    const { epoch, seq } = log.head
    if (epoch !== this.#epoch) this.#beginAnew(epoch)
    this.#heads.push({ seq, at })
    const reached = this.#looksAfterMs.map((after) => this.#heads.findLast((head) => head.at <= at - after)?.seq ?? 0)
    const due = this.#cursors.flatMap((cursor, look) =>
      log.after(cursor).filter((entry) => entry.seq <= (reached[look] ?? 0)),
    )
    const living = new Set(await ledger.livingLists())
    for (const list of living) if (!this.#kept.has(list)) this.#kept.set(list, { bits: new StatusList() })
    for (const list of this.#kept.keys()) if (!living.has(list)) this.#kept.delete(list)
    if (due.length > 0) await ledger.findVoid(onceEach(due), (list, indices) => this.#setInvalid(list, indices))
    // Only now: what failed is looked up again.
    this.#cursors = this.#cursors.map((cursor, look) => Math.max(cursor, reached[look] ?? 0))
    this.#heads = this.#heads.filter((head) => head.at > at - (this.#looksAfterMs.at(-1) ?? 0) - 1_000)
    this.#lookedAt = at
  }

  #setInvalid(list: number, indices: readonly number[]): void {
    const bits = this.#kept.get(list)?.bits
    for (const index of indices) bits?.setInvalid(index)
  }

  /** Another numbering: everything is looked up once more. */
  #beginAnew(epoch: string): void {
    this.#epoch = epoch
    this.#heads = []
    this.#cursors = this.#looksAfterMs.map(() => 0)
  }
}

const onceEach = (entries: readonly LoggedRevocation[]): LoggedRevocation[] => [
  ...new Map(entries.map((entry) => [entry.seq, entry])).values(),
]
