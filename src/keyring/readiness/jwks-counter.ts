/**
 * Counts at each JWKS response which verifier has now seen which keys. A plain fetch does not identify a verifier. A
 * verifier that wants to be counted sends its name: `/jwks?verifier=<client id or audience>`. With `&missing=<kid>` it
 * reports a key that it met and does not know. These claims are unverified. They can only delay a promotion, for at
 * most the time that the operator sets.
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

/** Whether the request names a verifier, and whether it reports a published key as missing. */
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
    const { verifier, missing } = parametersOf(target)
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

function parametersOf(target: string): { verifier?: string | undefined; missing?: string | undefined } {
  const query = target.indexOf('?')
  if (query === -1) return {}
  const parameters = new URLSearchParams(target.slice(query + 1))
  return { verifier: parameters.get('verifier') || undefined, missing: parameters.get('missing') || undefined }
}
