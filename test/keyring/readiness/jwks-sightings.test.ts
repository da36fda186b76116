import { beforeEach, describe, expect, test } from '@jest/globals'
import { Keyring } from '../../../src/keyring/keyring.ts'
import {
  JwksSightings,
  readinessOf,
  type Sighting,
  type SightingCount,
} from '../../../src/keyring/readiness/jwks-sightings.ts'
import { CheapVault } from '../cheap-vault.ts'
import { MemoryKeyStore } from '../memory-key-store.ts'
import { DAY, HOUR, times } from '../sample-key.ts'

describe('counting the fetches of the JWKS', () => {
  let added: SightingCount[]
  let sightings: JwksSightings
  let refuse: boolean

  beforeEach(() => {
    added = []
    refuse = false
    sightings = new JwksSightings({
      add: async (more) => {
        if (refuse) throw new Error('the database is away')
        added.push(...more)
        return []
      },
    })
  })

  test('needs no query before the flush, and each count is stored once', async () => {
    for (let fetch = 0; fetch < 2000; fetch++) sightings.count(['a', 'b'])
    sightings.count(['a', 'b'], 'orders')
    expect(added).toEqual([])
    await sightings.flush()
    await sightings.flush()
    expect(added).toEqual([
      { kid: 'a', verifier: '', fetches: 2000 },
      { kid: 'b', verifier: '', fetches: 2000 },
      { kid: 'a', verifier: 'orders', fetches: 1 },
      { kid: 'b', verifier: 'orders', fetches: 1 },
    ])
  })

  test('counts each fetch for the keys published at that time', async () => {
    sightings.count(['a'])
    sightings.count(['a', 'b'])
    await sightings.flush()
    expect(added.map(({ kid, fetches }) => [kid, fetches])).toEqual([
      ['a', 1],
      ['a', 1],
      ['b', 1],
    ])
  })

  test('stores counts again after a failed flush', async () => {
    sightings.count(['a'])
    refuse = true
    await expect(sightings.flush()).rejects.toThrow('away')
    refuse = false
    await sightings.flush()
    expect(added).toEqual([{ kid: 'a', verifier: '', fetches: 1 }])
  })

  test('counts verifiers that report a published key as missing, and no reports of other keys', async () => {
    sightings.count(['a', 'b'], 'orders', 'b')
    sightings.count(['a', 'b'], 'orders', 'never published')
    await sightings.flush()
    expect(added.filter(({ misses }) => misses)).toEqual([{ kid: 'b', verifier: 'orders', fetches: 0, misses: 1 }])
  })

  test('bounds its memory for any number of verifier names', async () => {
    for (let name = 0; name < 5000; name++) sightings.count(['a'], `stranger ${name}`)
    await sightings.flush()
    expect(added.length).toBeLessThanOrEqual(1001)
    expect(added.reduce((sum, { fetches }) => sum + fetches, 0)).toBe(5000)
  })
})

const noMisses = { misses: 0, missing: [] }

describe('a scheduled promotion', () => {
  let store: MemoryKeyStore
  let seen: Sighting[]
  const keyringWith = (holdSeconds: number) =>
    new Keyring({
      store,
      vault: new CheapVault(),
      times,
      algorithms: ['ES256'],
      audit: { write: () => {} },
      sightings: { read: async () => seen },
      holdSeconds,
    })
  const kidOf = (state: string) => store.keys.find((key) => key.state === state)?.kid as string
  const sees = (verifier: string, ...states: string[]) => {
    for (const state of states)
      seen.push({ kid: kidOf(state), verifier, fetches: 1, lastAt: store.now, misses: 0, missedAt: null })
  }

  beforeEach(async () => {
    store = new MemoryKeyStore()
    seen = []
    await keyringWith(0).ensureKeys()
    store.advance(30 * DAY)
  })

  test('waits for a known verifier that has not fetched the standby, for a bounded time', async () => {
    sees('orders', 'active')
    expect(await keyringWith(HOUR).runDueStep()).toEqual([])
    store.advance(HOUR)
    expect(await keyringWith(HOUR).runDueStep()).not.toEqual([])
  })

  test('is made as soon as the last verifier has fetched the standby', async () => {
    sees('orders', 'active')
    expect(await keyringWith(HOUR).runDueStep()).toEqual([])
    sees('orders', 'pending')
    expect(await keyringWith(HOUR).runDueStep()).not.toEqual([])
  })

  test('does not wait without a hold time, nor for unnamed verifiers', async () => {
    sees('', 'active')
    expect(await keyringWith(HOUR).runDueStep()).not.toEqual([])
  })

  test('does not wait for a verifier that has not been seen for a week', async () => {
    sees('orders', 'active')
    const later = new Date(store.now.getTime() + 8 * DAY * 1000)
    expect(readinessOf(store.keys, seen, later).flatMap(({ lagging }) => lagging)).toEqual([])
  })

  test("has a report of the verifiers' readiness", async () => {
    sees('orders', 'active', 'pending')
    sees('billing', 'active')
    sees('', 'active', 'pending')
    expect(await keyringWith(0).readiness()).toEqual([
      { kid: kidOf('active'), alg: 'ES256', state: 'active', fetches: 3, verifiers: 2, lagging: [], ...noMisses },
      {
        kid: kidOf('pending'),
        alg: 'ES256',
        state: 'pending',
        fetches: 2,
        verifiers: 1,
        lagging: ['billing'],
        ...noMisses,
      },
    ])
  })

  test('waits for a known verifier that recently reported the standby as missing, for a bounded time', async () => {
    const missedBy = (verifier: string) =>
      seen.push({ kid: kidOf('pending'), verifier, fetches: 1, lastAt: store.now, misses: 1, missedAt: store.now })
    missedBy('')
    sees('orders', 'active', 'pending')
    expect((await keyringWith(0).readiness())[1]).toMatchObject({ misses: 1, missing: [] })
    missedBy('orders')
    expect((await keyringWith(0).readiness())[1]).toMatchObject({ misses: 2, missing: ['orders'], lagging: [] })
    expect(await keyringWith(HOUR).runDueStep()).toEqual([])
    store.advance(600)
    expect(await keyringWith(HOUR).runDueStep()).not.toEqual([])
  })
})
