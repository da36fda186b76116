/**
 * Runs one change of the keys under the lock, as a dry run or for real. A committed change is written to the audit
 * log.
 */
import type { AuditLog } from '../../events/events.ts'
import { inOrder } from '../live/published-keys.ts'
import type { KeyState } from '../live/signing-key.ts'
import { type KeyStep, later } from './key-plan.ts'
import { type KeyRow, rowOf } from './key-row.ts'
import { KeyChangeDraft, type StepNeeds } from './key-steps.ts'
import { BUSY, type KeyStore, type Patience } from './key-store.ts'
import { cacheSecondsOf, type KeyTimes, staleSecondsOf } from './key-times.ts'

export interface ChangeNeeds extends StepNeeds {
  store: KeyStore
  audit: Pick<AuditLog, 'write'>
}

export interface ChangeOptions {
  /** Reports the steps without taking them. */
  dryRun?: boolean
  /** The actor for the audit log; the schedule when absent. */
  actor?: string
}

export interface KeyChange {
  /** The steps that were taken, or that a dry run would take, in order. */
  steps: KeyStep[]
  keys: KeyRow[]
  /** After a revocation: until when a verifier that only caches the JWKS may still accept the key. */
  acceptedUntil?: Date
  /** When a key signs before the end of its lead: until when a verifier with a cached JWKS may refuse its tokens. */
  unknownUntil?: Date
}

/** Replaces the kid of a key that a dry run would create. */
const TO_BE_MADE = '(to be made)'

export async function changeKeys(
  needs: ChangeNeeds,
  patience: Patience,
  options: ChangeOptions,
  work: (change: KeyChangeDraft) => Promise<void>,
): Promise<KeyChange | typeof BUSY> {
  const rehearsal = Symbol('undo')
  let made: KeyChangeDraft | undefined
  let keys: KeyRow[] = []
  try {
    const result = await needs.store.change(patience, async (ledger) => {
      made = new KeyChangeDraft(ledger, needs)
      await work(made)
      keys = inOrder(made.keys.filter((key) => key.state !== 'removed')).map(rowOf)
      // A dry run makes the change and rolls it back, so that it reports nothing that the database would refuse.
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
  // The keys that a dry run created do not exist afterwards: show no kid for them.
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

/** Until when caches of the JWKS that honour max-age may lack the change. */
function boundsOf(
  made: KeyChangeDraft | undefined,
  times: KeyTimes,
): Pick<KeyChange, 'acceptedUntil' | 'unknownUntil'> {
  const { keys = [], steps = [], now = new Date() } = made ?? {}
  const touched = new Set(steps.map(({ kid }) => kid))
  const expiresFromCaches = (since: Date) => later(since, cacheSecondsOf(times) + staleSecondsOf(times))
  const changedTo = (wanted: KeyState) => keys.filter(({ kid, state }) => state === wanted && touched.has(kid))
  const [unknownUntil] = changedTo('active')
    .map(({ publishAt }) => expiresFromCaches(publishAt))
    .filter((at) => at > now)
    .sort((a, b) => Number(b) - Number(a))
  return {
    ...(changedTo('revoked').length > 0 && { acceptedUntil: expiresFromCaches(now) }),
    ...(unknownUntil && { unknownUntil }),
  }
}
