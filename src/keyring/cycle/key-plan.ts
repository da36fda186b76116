/**
 * The schedule, computed from the rows alone: what is due, what comes next and when. It reads no clock and no store.
 */

import { findActive, findStandby, type SigningKey } from '../live/signing-key.ts'
import type { KeySnapshot } from './key-store.ts'
import { cacheSecondsOf, type KeyTimes, retentionSecondsOf, staleSecondsOf } from './key-times.ts'

/** A task of the schedule. */
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

/**
 * When the standby becomes active by schedule: after the interval, or earlier on request, and always after its lead.
 */
export function promotionAt(active: SigningKey, standby: SigningKey, times: KeyTimes): Date {
  const byInterval = later(active.activeAt ?? active.createdAt, times.rotationIntervalSeconds)
  const wanted = standby.promoteAt && standby.promoteAt < byInterval ? standby.promoteAt : byInterval
  return latest(wanted, standby.promotableAt)
}

/**
 * Every task with the date from which it is due, soonest first. `canary` is the app for which a standby signs first.
 */
export function tasksOf(
  { keys, canary }: Pick<KeySnapshot, 'keys'> & { canary?: string | undefined },
  algorithms: readonly string[],
  times: KeyTimes,
): KeyTask[] {
  // Include algorithms that have keys but are not configured here: another node may have them configured.
  const algorithmsToPlan = new Set([
    ...algorithms,
    ...keys.filter((key) => key.state === 'active').map((key) => key.alg),
  ])
  const tasks = [...algorithmsToPlan].map((alg): KeyTask => {
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

/** The soonest promotion, until which the JWKS may be cached. */
export function nextPromotionAt(keys: readonly SigningKey[], times: KeyTimes, alg?: string): Date | undefined {
  const of = (task: KeyTask) => task.do === 'promote' && (alg === undefined || task.alg === alg)
  return tasksOf({ keys }, [], times).find(of)?.at
}

/** The plan for people: a sentence for each task, and the consequences of each promotion. */
export function planSteps(tasks: readonly KeyTask[], times: KeyTimes, now: Date): KeyStep[] {
  const steps = tasks.flatMap((task): KeyStep[] => {
    const at = latest(task.at, now)
    if (task.do === 'create')
      return [{ at, kid: undefined, alg: task.alg, what: 'an active key and its standby are created' }]
    if (task.do === 'try')
      return [{ at, kid: task.standby.kid, alg: task.alg, what: `begins to sign for ${task.canary}, the canary` }]
    if (task.do === 'remove')
      return [{ at, kid: task.key.kid, alg: task.alg, what: 'leaves the JWKS: everything it signed has expired' }]
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
      { at, kid: undefined, alg: task.alg, what: 'the next standby is created and published' },
      { at: removableAt, kid: active.kid, alg: task.alg, what: 'leaves the JWKS: everything it signed has expired' },
    ]
  })
  return steps.sort((a, b) => Number(a.at) - Number(b.at))
}

/**
 * Shows that no verifier that honours max-age can meet an unknown key, with the numbers: one sentence for each
 * promotion.
 */
export function proofOf(tasks: readonly KeyTask[], times: KeyTimes, now: Date): string[] {
  const cacheSeconds = cacheSecondsOf(times) + staleSecondsOf(times)
  return tasks.flatMap((task) => {
    if (task.do !== 'promote') return []
    const { alg, standby } = task
    const known = later(standby.publishAt, cacheSeconds)
    const signs = latest(task.at, now)
    const margin = Math.floor((Number(signs) - Number(known)) / 1000)
    return [
      `${alg}: ${standby.kid} was published at ${standby.publishAt.toISOString()}. A cache keeps the JWKS for at most ${cacheSeconds} s, ` +
        `so from ${known.toISOString()} on every cache holds this key. The key signs nothing before ${signs.toISOString()}, ${margin} s later.`,
    ]
  })
}
