/**
 * Counts, at each answer of the JWKS, who has now seen which keys. Nothing about a plain fetch tells one verifier from
 * another, so a verifier that wants to count says its name: `/jwks?verifier=<client id or audience>`. That is a claim
 * and no proof; all it can do is make a promotion wait, for a time that the operator bounds.
 */
import { JwksSightings, type SightingStore } from './jwks-sightings.ts'
import type { KeySet, KeySetSource } from './key-set.ts'

const FLUSH_MILLISECONDS = 5_000

export class JwksCounter {
  readonly #source: Pick<KeySetSource, 'current'>
  readonly #sightings: JwksSightings
  readonly #onTrouble: (reason: unknown) => void
  readonly #timer: NodeJS.Timeout
  #set: KeySet | undefined
  #kids: readonly string[] = []

  constructor(
    source: Pick<KeySetSource, 'current'>,
    store: Pick<SightingStore, 'add'>,
    onTrouble: (reason: unknown) => void,
  ) {
    this.#source = source
    this.#sightings = new JwksSightings(store)
    this.#onTrouble = onTrouble
    this.#timer = setInterval(() => void this.flush(), FLUSH_MILLISECONDS).unref()
  }

  /** @returns whether whoever asked for this target said a name */
  count(target: string): boolean {
    const set = this.#source.current()
    if (set !== this.#set) {
      this.#set = set
      this.#kids = set.publicJwks.keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid]))
    }
    const name = nameIn(target)
    this.#sightings.count(this.#kids, name)
    return name !== undefined
  }

  async flush(): Promise<void> {
    try {
      await this.#sightings.flush()
    } catch (reason) {
      this.#onTrouble(reason)
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }
}

function nameIn(target: string): string | undefined {
  const query = target.indexOf('?')
  return query === -1 ? undefined : new URLSearchParams(target.slice(query + 1)).get('verifier') || undefined
}
