import { hash } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { normaliseLogin } from '../accounts/login.ts'
import { AttemptLanes } from './attempt-lanes.ts'
import { bucketPolicies } from './attempt-policy.ts'
import type { Admission, AttemptStore, Bucket } from './attempt-store.ts'

export interface Attempt {
  /** As typed. The counting does not depend on the existence of such an account, so it cannot reveal it. */
  login: string
  /** The client's address, as far as it is trusted. */
  source: string
  /** The id of a browser in which this account signed in before. */
  browserId: string | undefined
}

/**
 * Slows guessing down across all processes, and lets no stranger lock an account. Guesses are counted by person and
 * place, by place, and by person. A browser in which the person signed in before has a counter of its own, so guesses
 * elsewhere cannot delay it.
 */
export class AttemptThrottle {
  readonly #store: AttemptStore
  readonly #lanes = new AttemptLanes()

  constructor(store: AttemptStore) {
    this.#store = store
  }

  /** Call it before the password is checked. An admitted attempt must end in `succeeded`, `failed` or `withdrawn`. */
  reserve(attempt: Attempt): Promise<Admission> {
    const buckets = bucketsOf(attempt)
    return this.#lanes.enter(laneOf(buckets), () => this.#store.reserve(buckets))
  }

  /** Deletes this person's failures in this place; failures of other people stay counted. */
  async succeeded(attempt: Attempt): Promise<void> {
    const [own, ...shared] = bucketsOf(attempt)
    await this.#settle(attempt, { forget: own ? [own] : [], release: shared })
  }

  /** The failure was counted by `reserve`. */
  failed(attempt: Attempt): void {
    this.#lanes.leave(laneOf(bucketsOf(attempt)))
  }

  /** The password was not checked, so the attempt is not counted. */
  async withdrawn(attempt: Attempt): Promise<void> {
    await this.#settle(attempt, { forget: [], release: bucketsOf(attempt) })
  }

  /** An administrator's action: deletes all failures that are counted against this person. */
  async forget(person: { email: string }): Promise<void> {
    await this.#store.forgetAccount(accountPart(person.email))
  }

  async #settle(attempt: Attempt, result: Parameters<AttemptStore['settle']>[0]): Promise<void> {
    try {
      await this.#store.settle(result)
    } finally {
      this.#lanes.leave(laneOf(bucketsOf(attempt)))
    }
  }
}

/** The attempt's own bucket first. */
export function bucketsOf({ login, source, browserId }: Attempt): Bucket[] {
  const account = accountPart(login)
  const of = (...parts: string[]) => Buffer.concat([account, digest(...parts).subarray(0, 16)])
  if (browserId !== undefined) return [{ key: of('browser', browserId), policy: bucketPolicies.accountInBrowser }]
  const place = attemptSource(source)
  return [
    { key: of('source', place), policy: bucketPolicies.accountFromSource },
    { key: of('everywhere'), policy: bucketPolicies.account },
    { key: digest('source', place), policy: bucketPolicies.source },
  ]
}

const laneOf = ([own]: readonly Bucket[]): string => own?.key.toString('base64') ?? ''

/** Names that no account can have are counted as typed. */
const accountPart = (login: string) => digest('account', normaliseLogin(login) ?? login).subarray(0, 16)

const digest = (...parts: string[]): Buffer => hash('sha256', JSON.stringify(parts), 'buffer')

/**
 * The name of one place: an IPv4 address, or the /64 of IPv6 that one subscriber gets. All unreadable addresses are one
 * place, so that attempts from them are counted.
 */
function attemptSource(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address) // IPv4 written as IPv6 becomes IPv4
  if (parsed instanceof ipaddr.IPv4) return parsed.toString()
  const network = parsed.parts.slice(0, 4).map((part) => part.toString(16))
  return `${network.join(':')}::/64`
}
