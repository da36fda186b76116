/** Runs one change of the keys: under the lock, rehearsed or for good, and told to the audit log once it holds. */
import type { AuditLog } from '../../events/events.ts'
import { inOrder } from '../live/published-keys.ts'
import type { KeyState } from '../live/signing-key.ts'
import { type KeyStep, later } from './key-plan.ts'
import { type KeyRow, rowOf } from './key-row.ts'
import { KeyChangeInMaking, type StepNeeds } from './key-steps.ts'
import { BUSY, type KeyStore, type Patience } from './key-store.ts'
import { cacheSecondsOf, type KeyTimes, staleSecondsOf } from './key-times.ts'

export interface ChangeNeeds extends StepNeeds {
  store: KeyStore
  audit: Pick<AuditLog, 'write'>
}

export interface ChangeOptions {
  /** Says what would be done, and does nothing. */
  dryRun?: boolean
  /** Who asks, for the audit log; the schedule when absent. */
  actor?: string
}

export interface KeyChange {
  /** What was done, or would be done by a dry run, in order. */
  steps: KeyStep[]
  keys: KeyRow[]
  /** After a revocation: until when a verifier that only caches the JWKS may still accept the key. */
  acceptedUntil?: Date
  /** Where a key signs that was not published long enough: until when such a verifier may refuse what it signs. */
  unknownUntil?: Date
}

/** In the place of a kid, for a key that a dry run only announces. */
const TO_BE_MADE = '(to be made)'

export async function changeKeys(
  needs: ChangeNeeds,
  patience: Patience,
  options: ChangeOptions,
  work: (change: KeyChangeInMaking) => Promise<void>,
): Promise<KeyChange | typeof BUSY> {
  const rehearsal = Symbol('undo')
  let made: KeyChangeInMaking | undefined
  let keys: KeyRow[] = []
  try {
    const result = await needs.store.change(patience, async (ledger) => {
      made = new KeyChangeInMaking(ledger, needs)
      await work(made)
      keys = inOrder(made.keys.filter((key) => key.state !== 'removed')).map(rowOf)
      // A dry run does the real thing and takes it back, so that it cannot promise what the database would refuse.
      if (options.dryRun) throw rehearsal
    })
    if (result === BUSY) return BUSY
  } catch (reason) {
    if (reason !== rehearsal) throw reason
  }
  const steps = made?.steps ?? []
  if (!options.dryRun) {
    for (const { kid, alg, event, reason } of steps) {
      needs.audit.write({ kind: event, actor: options.actor ?? 'schedule', detail: { kid, alg, reason } })
    }
  }
  const { acceptedUntil, unknownUntil } = boundsOf(made, needs.times)
  // A rehearsal made keys that nobody will ever see: they get no name.
  const rehearsed = new Set(
    options.dryRun ? steps.filter(({ event }) => event === 'key.created').map(({ kid }) => kid) : [],
  )
  return {
    steps: steps.map(({ at, kid, alg, what }) => ({ at, kid: rehearsed.has(kid) ? undefined : kid, alg, what })),
    keys: keys.map((key) => (rehearsed.has(key.kid) ? { ...key, kid: TO_BE_MADE } : key)),
    ...(acceptedUntil && { acceptedUntil }),
    ...(unknownUntil && { unknownUntil }),
  }
}

/** For how long caches of the JWKS lag behind what was done, as long as they honour max-age. */
function boundsOf(
  made: KeyChangeInMaking | undefined,
  times: KeyTimes,
): Pick<KeyChange, 'acceptedUntil' | 'unknownUntil'> {
  const { keys = [], steps = [], now = new Date() } = made ?? {}
  const touched = new Set(steps.map(({ kid }) => kid))
  const forgets = (since: Date) => later(since, cacheSecondsOf(times) + staleSecondsOf(times))
  const changedTo = (wanted: KeyState) => keys.filter(({ kid, state }) => state === wanted && touched.has(kid))
  const [unknownUntil] = changedTo('active')
    .map(({ publishAt }) => forgets(publishAt))
    .filter((at) => at > now)
    .sort((a, b) => Number(b) - Number(a))
  return {
    ...(changedTo('revoked').length > 0 && { acceptedUntil: forgets(now) }),
    ...(unknownUntil && { unknownUntil }),
  }
}
