/**
 * Counts, at each answer of the JWKS, who has now seen which keys. Nothing about a plain fetch tells one verifier from
 * another, so a verifier that wants to count says its name: `/jwks?verifier=<client id or audience>`, and which key it
 * has met and does not know: `&missing=<kid>`. Those are claims and no proof; all they can do is make a promotion wait,
 * for a time that the operator bounds.
 */
import type { AuditLog } from '../../events/events.ts'
import type { KeySet, KeySetSource } from '../live/key-set.ts'
import { JwksSightings, type SightingStore } from './jwks-sightings.ts'

const FLUSH_MILLISECONDS = 5_000

export interface JwksCounterNeeds {
  source: Pick<KeySetSource, 'current'>
  store: Pick<SightingStore, 'add'>
  audit: Pick<AuditLog, 'write'>
  onTrouble(reason: unknown): void
}

/** Who asked, as far as they said, and for which key. */
export interface JwksRequest {
  isNamed: boolean
  isMissing: boolean
}

export class JwksCounter {
  readonly #needs: JwksCounterNeeds
  readonly #sightings: JwksSightings
  readonly #timer: NodeJS.Timeout
  #set: KeySet | undefined
  #kids: readonly string[] = []

  constructor(needs: JwksCounterNeeds) {
    this.#needs = needs
    this.#sightings = new JwksSightings(needs.store)
    this.#timer = setInterval(() => void this.flush(), FLUSH_MILLISECONDS).unref()
  }

  count(target: string): JwksRequest {
    const set = this.#needs.source.current()
    if (set !== this.#set) {
      this.#set = set
      this.#kids = set.publicJwks.keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid]))
    }
    const { verifier, missing } = saidIn(target)
    this.#sightings.count(this.#kids, verifier, missing)
    return { isNamed: verifier !== undefined, isMissing: missing !== undefined && this.#kids.includes(missing) }
  }

  async flush(): Promise<void> {
    try {
      for (const { kid, verifier } of await this.#sightings.flush())
        this.#needs.audit.write({ kind: 'key.missed', actor: `verifier:${verifier}`, detail: { kid } })
    } catch (reason) {
      this.#needs.onTrouble(reason)
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }
}

function saidIn(target: string): { verifier?: string | undefined; missing?: string | undefined } {
  const query = target.indexOf('?')
  if (query === -1) return {}
  const said = new URLSearchParams(target.slice(query + 1))
  return { verifier: said.get('verifier') || undefined, missing: said.get('missing') || undefined }
}
