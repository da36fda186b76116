/**
 * The log of revocations as Token Status Lists, for verifiers without the feed (draft-ietf-oauth-status-list-21). Each
 * node derives the lists from the log and the ledger on request, at most once a second. All nodes compute the same
 * lists. A bit that is set stays set.
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
  /** The key that currently signs access tokens with the default algorithm. */
  signer(): ListSigner
  /** The largest age of the lists when one is requested; 1 s. */
  lookMs?: number
  /**
   * An entry is looked up at once and again after these times. A token that is being recorded during the first look-up
   * becomes visible later. The last time exceeds the longest statement.
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
/**
 * The shortest time between two look-ups for unknown lists, which strangers can request. A new list may be that old.
 */
const leastLookMs = 200
const unsureMs = 2_000

export class StatusLists {
  readonly #needs: StatusListsNeeds
  #kept = new Map<number, Kept>()
  #epoch = ''
  /** The numbers that the log had reached, with the time of each read. */
  #heads: { seq: number; at: number }[] = []
  readonly #looksAfterMs: readonly number[]
  /** For each of `looksAfterMs`, the number up to which entries have been looked up. */
  #cursors: number[]
  #looking: Promise<void> | undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(needs: StatusListsNeeds) {
    this.#needs = needs
    this.#looksAfterMs = needs.looksAfterMs ?? usualLooksAfterMs
    this.#cursors = this.#looksAfterMs.map(() => 0)
  }

  /** Lists that an unexpired token may name. @throws the database's error */
  async names(): Promise<number[]> {
    await this.#refresh(this.#needs.lookMs ?? 1_000)
    return [...this.#kept.keys()]
  }

  /**
   * The list as a signed JWT, current to the second, and its `iat`. Undefined when there is no such list.
   * @throws Failure `status_unsure`
   */
  async find(list: number): Promise<{ token: string; iat: number } | undefined> {
    try {
      await this.#refresh(this.#needs.lookMs ?? 1_000)
      if (!this.#kept.has(list)) await this.#refresh(leastLookMs)
    } catch (cause) {
      return this.#lastOf(list, cause)
    }
    const kept = this.#kept.get(list)
    if (!kept) return undefined
    // No new list is signed while the log cannot be read.
    return this.#needs.log.ageMs > unsureMs ? this.#lastOf(list, undefined) : this.#signed(list, kept)
  }

  /** Returns the last signed list until its `exp`. */
  #lastOf(list: number, cause: unknown): Signed {
    const last = this.#kept.get(list)?.signed
    if (last && last.iat + listExpSeconds > this.#nowSeconds) return last
    throw new Failure(
      'status_unsure',
      'unavailable',
      'The revocation log cannot be read at present. Retry in a second.',
      {
        cause,
        retryAfterSeconds: 1,
      },
    )
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

  /** Resolves when the lists are no older than `ageMs`. Concurrent callers share a look-up. */
  async #refresh(ageMs: number): Promise<void> {
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
    const listsInUse = new Set(await ledger.livingLists())
    for (const list of listsInUse) if (!this.#kept.has(list)) this.#kept.set(list, { bits: new StatusList() })
    for (const list of this.#kept.keys()) if (!listsInUse.has(list)) this.#kept.delete(list)
    if (due.length > 0) await ledger.findVoid(onceEach(due), (list, indices) => this.#setInvalid(list, indices))
    // Advance only after success, so that a failed look-up is repeated.
    this.#cursors = this.#cursors.map((cursor, look) => Math.max(cursor, reached[look] ?? 0))
    this.#heads = this.#heads.filter((head) => head.at > at - (this.#looksAfterMs.at(-1) ?? 0) - 1_000)
    this.#lookedAt = at
  }

  #setInvalid(list: number, indices: readonly number[]): void {
    const bits = this.#kept.get(list)?.bits
    for (const index of indices) bits?.setInvalid(index)
  }

  /** A new epoch has a new numbering: look up every entry again. */
  #beginAnew(epoch: string): void {
    this.#epoch = epoch
    this.#heads = []
    this.#cursors = this.#looksAfterMs.map(() => 0)
  }
}

const onceEach = (entries: readonly LoggedRevocation[]): LoggedRevocation[] => [
  ...new Map(entries.map((entry) => [entry.seq, entry])).values(),
]
