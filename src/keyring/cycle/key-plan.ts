/** The schedule, computed from the rows alone: what is due, what comes next and when. No clock, no store. */

import { findActive, findStandby, type SigningKey } from '../live/signing-key.ts'
import type { KeySnapshot } from './key-store.ts'
import { cacheSecondsOf, type KeyTimes, retentionSecondsOf, staleSecondsOf } from './key-times.ts'

/** What a node may have to do. */
export type KeyTask =
  | { do: 'create'; alg: string; at: Date }
  | { do: 'promote'; alg: string; at: Date; active: SigningKey; standby: SigningKey }
  | { do: 'try'; alg: string; at: Date; standby: SigningKey; canary: string }
  | { do: 'remove'; alg: string; at: Date; key: SigningKey }

/** One dated step as an administrator reads it. */
export interface KeyStep {
  at: Date
  kid: string | undefined
  alg: string
  what: string
}

export const later = (at: Date, seconds: number): Date => new Date(at.getTime() + seconds * 1000)

const latest = (...dates: Date[]): Date => new Date(Math.max(...dates.map(Number)))

/** When the standby takes over by schedule: the interval is over, or was asked for earlier, and in any case after its lead. */
export function promotionAt(active: SigningKey, standby: SigningKey, times: KeyTimes): Date {
  const byInterval = later(active.activeAt ?? active.createdAt, times.rotationIntervalSeconds)
  const wanted = standby.promoteAt && standby.promoteAt < byInterval ? standby.promoteAt : byInterval
  return latest(wanted, standby.promotableAt)
}

/** Every task there is, with the date from which it is due, soonest first. `canary`: the app for which a standby signs first. */
export function tasksOf(
  { keys, canary }: Pick<KeySnapshot, 'keys'> & { canary?: string | undefined },
  algorithms: readonly string[],
  times: KeyTimes,
): KeyTask[] {
  // Algorithms with keys live on even where this node's configuration does not name them: another node's may.
  const living = new Set([...algorithms, ...keys.filter((key) => key.state === 'active').map((key) => key.alg)])
  const tasks = [...living].map((alg): KeyTask => {
    const active = findActive(keys, alg)
    const standby = findStandby(keys, alg)
    if (!active || !standby) return { do: 'create', alg, at: new Date(0) }
    return { do: 'promote', alg, at: promotionAt(active, standby, times), active, standby }
  })
  for (const key of keys) {
    if (canary !== undefined && key.state === 'pending' && !key.canaryAt)
      tasks.push({ do: 'try', alg: key.alg, at: key.promotableAt, standby: key, canary })
    if (key.state === 'retired' && key.removableAt) tasks.push({ do: 'remove', alg: key.alg, at: key.removableAt, key })
  }
  return tasks.sort((a, b) => Number(a.at) - Number(b.at))
}

/** The soonest promotion of all; what the JWKS may be cached until. */
export function nextPromotionAt(keys: readonly SigningKey[], times: KeyTimes, alg?: string): Date | undefined {
  const of = (task: KeyTask) => task.do === 'promote' && (alg === undefined || task.alg === alg)
  return tasksOf({ keys }, [], times).find(of)?.at
}

/** The plan for people: each task as a sentence, and for each promotion what follows from it. */
export function planSteps(tasks: readonly KeyTask[], times: KeyTimes, now: Date): KeyStep[] {
  const steps = tasks.flatMap((task): KeyStep[] => {
    const at = latest(task.at, now)
    if (task.do === 'create')
      return [{ at, kid: undefined, alg: task.alg, what: 'a key that signs and its standby are made' }]
    if (task.do === 'try')
      return [{ at, kid: task.standby.kid, alg: task.alg, what: `begins to sign for ${task.canary}, the canary` }]
    if (task.do === 'remove')
      return [{ at, kid: task.key.kid, alg: task.alg, what: 'leaves the JWKS: nothing that it signed is alive' }]
    const { active, standby } = task
    const removableAt = later(at, retentionSecondsOf(times))
    return [
      {
        at,
        kid: standby.kid,
        alg: task.alg,
        what: `begins to sign, published since ${standby.publishAt.toISOString()}`,
      },
      { at, kid: active.kid, alg: task.alg, what: `retires and still verifies until ${removableAt.toISOString()}` },
      { at, kid: undefined, alg: task.alg, what: 'the next standby is made and published' },
      { at: removableAt, kid: active.kid, alg: task.alg, what: 'leaves the JWKS: nothing that it signed is alive' },
    ]
  })
  return steps.sort((a, b) => Number(a.at) - Number(b.at))
}

/** Why no verifier that honours max-age can meet an unknown key, with the numbers, one sentence a promotion. */
export function proofOf(tasks: readonly KeyTask[], times: KeyTimes, now: Date): string[] {
  const cacheSeconds = cacheSecondsOf(times) + staleSecondsOf(times)
  return tasks.flatMap((task) => {
    if (task.do !== 'promote') return []
    const { alg, standby } = task
    const known = later(standby.publishAt, cacheSeconds)
    const signs = latest(task.at, now)
    const margin = Math.floor((Number(signs) - Number(known)) / 1000)
    return [
      `${alg}: ${standby.kid} was published at ${standby.publishAt.toISOString()}; a cache keeps the JWKS for at most ${cacheSeconds} s, ` +
        `so from ${known.toISOString()} on every one holds it; it signs nothing before ${signs.toISOString()}, ${margin} s later.`,
    ]
  })
}
