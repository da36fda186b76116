import { hash } from 'node:crypto'
import { normaliseLogin } from '../accounts/login.ts'
import { AttemptLanes } from './attempt-lanes.ts'
import { bucketPolicies } from './attempt-policy.ts'
import { attemptSource } from './attempt-source.ts'
import type { Admission, AttemptStore, Bucket } from './attempt-store.ts'

export interface Attempt {
  /** As typed. Whether such an account exists plays no part, so the counting cannot tell. */
  login: string
  /** Client address as far as it is trusted. */
  source: string
  /** Of a browser in which this account signed in before. */
  browserId: string | undefined
}

/**
 * Slows guessing down, shared by all processes, without letting strangers lock
 * anybody out: guesses are counted by person and place, by place, and by person;
 * a browser in which the person signed in before is counted by itself alone, so
 * nothing that happens elsewhere can stop it.
 */
export class AttemptThrottle {
  readonly #store: AttemptStore
  readonly #lanes = new AttemptLanes()

  constructor(store: AttemptStore) {
    this.#store = store
  }

  /** Take it before looking at the password. What is admitted must end in `succeeded`, `failed` or `withdrawn`. */
  reserve(attempt: Attempt): Promise<Admission> {
    const buckets = bucketsOf(attempt)
    return this.#lanes.enter(laneOf(buckets), () => this.#store.reserve(buckets))
  }

  /** Forgets what this person got wrong in this place; what others got wrong stays counted. */
  async succeeded(attempt: Attempt): Promise<void> {
    const [own, ...shared] = bucketsOf(attempt)
    await this.#settle(attempt, { forget: own ? [own] : [], release: shared })
  }

  /** It was counted when it was reserved. */
  failed(attempt: Attempt): void {
    this.#lanes.leave(laneOf(bucketsOf(attempt)))
  }

  /** The password was never looked at: as if there had been no attempt. */
  async withdrawn(attempt: Attempt): Promise<void> {
    await this.#settle(attempt, { forget: [], release: bucketsOf(attempt) })
  }

  /** An administrator's word: nothing counted against this person holds any longer. */
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

/** Names that no account can have are counted as they were typed. */
const accountPart = (login: string) => digest('account', normaliseLogin(login) ?? login).subarray(0, 16)

const digest = (...parts: string[]): Buffer => hash('sha256', JSON.stringify(parts), 'buffer')
