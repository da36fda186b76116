/** The moves of the life-cycle game, each played by the oracle and the keyring, and the checks after each move. */
import { expect } from '@jest/globals'
import fc from 'fast-check'
import { nextPromotionAt } from '../../src/keyring/cycle/key-plan.ts'
import { cacheSecondsOf, type KeyTimes } from '../../src/keyring/cycle/key-times.ts'
import type { Keyring } from '../../src/keyring/keyring.ts'
import { isPublished } from '../../src/keyring/live/signing-key.ts'
import { type CrashingKeyStore, Killed } from './crashing-key-store.ts'
import { CACHE, INTERVAL, LEAD, type LifeCycleOracle, RETENTION, type Side } from './life-cycle-oracle.ts'
import { HOUR } from './sample-key.ts'

export const gameTimes: KeyTimes = {
  rotationIntervalSeconds: INTERVAL * HOUR,
  publishLeadSeconds: LEAD * HOUR,
  longestTokenSeconds: HOUR,
  longestSessionSeconds: (RETENTION - 1) * HOUR,
  skewSeconds: HOUR,
  maxCacheSeconds: CACHE * HOUR,
}

export interface Table {
  keyring: Keyring
  store: CrashingKeyStore
  advance(seconds: number): Promise<void>
  /** PEM text of private keys to import, each used at most once. */
  foreignKeys: { kid: string; key: string }[]
}

type Move = fc.AsyncCommand<LifeCycleOracle, Table>

/** Compares the keys with the oracle, gives it the new kids, and checks the promises. */
export async function expectAgreement(oracle: LifeCycleOracle, { store }: Table): Promise<void> {
  const { keys, now } = await store.read()
  for (const [alg, side] of oracle.sides) {
    const kidsIn = (state: string) => keys.filter((key) => key.alg === alg && key.state === state).map(({ kid }) => kid)
    const [active, ...moreActive] = kidsIn('active')
    const [standby, ...moreStandbys] = kidsIn('pending')
    expect([moreActive, moreStandbys]).toEqual([[], []])
    side.active.kid ??= active
    side.standby.kid ??= standby
    expect({ active, standby }).toEqual({ active: side.active.kid, standby: side.standby.kid })
    expect(kidsIn('retired').sort()).toEqual(side.retired.map(({ kid }) => kid).sort())
    expect(keys.find(({ kid }) => kid === standby)?.canaryAt != null).toBe(side.standby.tried)
  }
  const published = new Set(keys.filter(isPublished).map(({ kid }) => kid))
  expect([...oracle.gone].filter((kid) => published.has(kid))).toEqual([])
  expect(keys.filter((key) => (key.sealed === null) === published.has(key.kid))).toEqual([])
  keepPromises(oracle, published)
  observe(oracle, published, Number(nextPromotionAt(keys, gameTimes)) - Number(now))
}

function keepPromises(oracle: LifeCycleOracle, published: ReadonlySet<string>): void {
  for (const side of oracle.sides.values()) {
    for (const { kid = '', hurried } of signersOf(oracle, side)) {
      if (hurried) continue
      // No cache that honours max-age lacks a signing key, also one that signs only for the canary.
      expect(oracle.caches.filter(({ kids, until }) => until > oracle.hour && !kids.has(kid))).toEqual([])
    }
  }
  // Every token that was signed and not revoked verifies until it expires.
  expect(oracle.signed.filter(({ kid, until }) => until >= oracle.hour && !published.has(kid))).toEqual([])
}

/** A verifier fetches the JWKS, and each active key signs a token of the longest lifetime. */
function observe(oracle: LifeCycleOracle, published: ReadonlySet<string>, promotionInMilliseconds: number): void {
  const { hour } = oracle
  const maxAgeHours = Math.min(cacheSecondsOf(gameTimes) / HOUR, Math.max(0, promotionInMilliseconds / 1000 / HOUR))
  oracle.caches = [...oracle.caches.filter(({ until }) => until > hour), { kids: published, until: hour + maxAgeHours }]
  oracle.signed = oracle.signed.filter(({ until }) => until >= hour)
  for (const side of oracle.sides.values()) {
    for (const { kid } of signersOf(oracle, side)) {
      if (kid) oracle.signed.push({ kid, until: hour + RETENTION - 1 })
    }
  }
}

/** The keys that sign now, for all apps and for the canary. */
const signersOf = ({ canary }: LifeCycleOracle, { active, standby }: Side) =>
  canary !== undefined && standby.tried ? [active, standby] : [active]

const move = (name: string, play: (oracle: LifeCycleOracle, table: Table) => Promise<void>): Move => ({
  check: () => true,
  toString: () => name,
  run: async (oracle, table) => {
    await play(oracle, table)
    await expectAgreement(oracle, table)
  },
})

/** A key in the JWKS, chosen by a number. */
async function pick(store: CrashingKeyStore, choice: number) {
  const keys = (await store.read()).keys.filter(isPublished)
  return keys[choice % keys.length] as (typeof keys)[number]
}

const code = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (reason: { code?: string }) => reason.code ?? 'no failure',
  )

export const moves = (algorithms: readonly string[]): fc.Arbitrary<Move>[] => [
  fc.integer({ min: 1, max: 40 }).map((hours) =>
    move(`wait ${hours} h`, async (oracle, { advance }) => {
      oracle.hour += hours
      await advance(hours * HOUR)
    }),
  ),
  fc.integer({ min: 1, max: 4 }).map((nodes) =>
    move(`${nodes} nodes do the due step at once`, async (oracle, { keyring }) => {
      await Promise.all(Array.from({ length: nodes }, () => keyring.runDueStep()))
      oracle.step()
    }),
  ),
  fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant('commit' as const)).map((after) =>
    move(`the due step is killed after ${after}`, async (oracle, { keyring, store }) => {
      store.crashAfter = after
      const killed = await keyring.runDueStep().then(
        () => false,
        (reason) => reason instanceof Killed,
      )
      store.crashAfter = undefined
      if (!killed) oracle.step()
    }),
  ),
  fc.tuple(fc.constantFrom(...algorithms), fc.boolean(), fc.boolean()).map(([alg, now, dryRun]) =>
    move(`rotate ${alg}${now ? ' --now' : ''}${dryRun ? ' --dry-run' : ''}`, async (oracle, { keyring }) => {
      await keyring.rotate({ alg, now, dryRun })
      if (!dryRun) oracle.rotate(alg, now)
    }),
  ),
  fc.tuple(fc.constantFrom('shop', 'till', undefined), fc.boolean()).map(([clientId, killed]) =>
    move(`canary ${clientId}${killed ? ', killed before the commit' : ''}`, async (oracle, { keyring, store }) => {
      if (killed) store.crashAfter = 'commit'
      expect(await code(keyring.nameCanary(clientId))).toBe(killed ? 'no failure' : undefined)
      if (!killed) oracle.nameCanary(clientId)
    }),
  ),
  fc.tuple(fc.nat(), fc.boolean()).map(([choice, killed]) =>
    move(`revoke key ${choice}${killed ? ', killed before the commit' : ''}`, async (oracle, { keyring, store }) => {
      const { alg, kid } = await pick(store, choice)
      if (killed) store.crashAfter = 'commit'
      const failed = await code(keyring.revoke(kid, { compromised: true }))
      expect(failed).toBe(killed ? 'no failure' : undefined)
      if (!killed) oracle.revoke(alg, kid)
    }),
  ),
  fc.nat().map((choice) =>
    move(`remove key ${choice}`, async (oracle, { keyring, store }) => {
      const { alg, kid, state } = await pick(store, choice)
      const failed = await code(keyring.remove(kid))
      const refusal = state === 'retired' ? 'key_still_needed' : 'key_in_use'
      expect(failed).toBe(oracle.remove(alg, kid) ? undefined : refusal)
    }),
  ),
  fc.constant(
    move('import a standby', async (oracle, { keyring, foreignKeys }) => {
      const foreign = foreignKeys.pop()
      if (!foreign) return
      await keyring.import({ key: foreign.key, alg: 'ES256' })
      oracle.importStandby('ES256', foreign.kid)
    }),
  ),
  fc.constant(
    move('revoke all', async (oracle, { keyring }) => {
      await keyring.revokeAll({ compromised: true })
      oracle.revokeAll()
    }),
  ),
]
