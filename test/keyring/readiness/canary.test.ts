import { beforeEach, describe, expect, test } from '@jest/globals'
import { exportPKCS8, generateKeyPair } from 'jose'
import { Keyring } from '../../../src/keyring/keyring.ts'
import { type CanaryUse, CanaryUses } from '../../../src/keyring/readiness/canary.ts'
import { CheapVault } from '../cheap-vault.ts'
import { MemoryKeyStore } from '../memory-key-store.ts'
import { DAY, later, times } from '../sample-key.ts'

let store: MemoryKeyStore
let uses: CanaryUse[]
let keyring: Keyring
const written: { kind: string; actor: string }[] = []

beforeEach(async () => {
  store = new MemoryKeyStore()
  uses = []
  written.length = 0
  keyring = new Keyring({
    store,
    vault: new CheapVault(),
    times,
    algorithms: ['ES256'],
    audit: { write: ({ kind, actor }) => written.push({ kind, actor }) },
    canaryUses: { read: async () => uses },
  })
  await keyring.ensureKeys()
})

const keyIn = (state: string) => store.keys.find((key) => key.state === state)

describe('the next signing key', () => {
  test('signs for the canary once its publish lead is over, by the schedule', async () => {
    await keyring.nameCanary('shop', { actor: 'cli:ops' })
    expect(await keyring.runDueStep()).toEqual([])
    expect((await keyring.schedule())[0]).toMatchObject({
      at: keyIn('pending')?.promotableAt,
      what: expect.stringContaining('shop'),
    })
    store.advance(DAY)
    await keyring.runDueStep()
    expect(keyIn('pending')?.canaryAt).toEqual(store.now)
    expect(written.slice(-2)).toEqual([
      { kind: 'key.canary-named', actor: 'cli:ops' },
      { kind: 'key.canary-began', actor: 'schedule' },
    ])
  })

  test('signs for the canary at once when its lead is already over, and so does each later key', async () => {
    store.advance(2 * DAY)
    await keyring.nameCanary('shop')
    const first = keyIn('pending')
    expect(first?.canaryAt).toEqual(store.now)
    store.advance(30 * DAY)
    await keyring.runDueStep()
    expect(keyIn('active')?.kid).toBe(first?.kid)
    store.advance(DAY)
    await keyring.runDueStep()
    expect(keyIn('pending')?.canaryAt).toEqual(store.now)
  })

  test('that has signed for the canary retires when an imported key replaces it, and verifies like any retired key', async () => {
    store.advance(DAY)
    await keyring.nameCanary('shop')
    const tried = keyIn('pending')?.kid as string
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    await keyring.import({ key: await exportPKCS8(privateKey), alg: 'ES256' })
    const row = (await keyring.list()).find(({ kid }) => kid === tried)
    expect(row).toMatchObject({ state: 'retired', removableAt: later(store.now, 7 * DAY + 60) })
    await expect(keyring.remove(tried)).rejects.toMatchObject({ code: 'key_still_needed' })
  })

  test('is not named by a dry run', async () => {
    store.advance(DAY)
    const { steps } = await keyring.nameCanary('shop', { dryRun: true })
    expect(steps).toHaveLength(1)
    expect((await keyring.canary()).clientId).toBeUndefined()
    expect(keyIn('pending')?.canaryAt).toBeNull()
  })
})

test('the canary report shows the counts of the next key beside those of the active key', async () => {
  store.advance(DAY)
  await keyring.nameCanary('shop')
  const use = (state: string, clientId: string, earlyRefreshes: number) => ({
    kid: keyIn(state)?.kid as string,
    clientId,
    tokenRequests: 10,
    refreshes: 9,
    earlyRefreshes,
  })
  uses = [use('active', 'shop', 1), use('active', 'till', 5), use('pending', 'shop', 8)]
  expect((await keyring.canary()).keys).toMatchObject([
    { state: 'active', tokenRequests: 10, earlyRefreshes: 1, mayBeginAt: undefined },
    { state: 'pending', tokenRequests: 10, earlyRefreshes: 8, canaryAt: store.now },
  ])
})

test('token requests are counted in memory by key, and added to the store once', async () => {
  const added: CanaryUse[] = []
  const counted = new CanaryUses({ add: async (more) => void added.push(...more) }, () => {})
  counted.count({ clientId: 'shop', kids: ['a', 'b'], isRefresh: false, isEarly: false })
  counted.count({ clientId: 'shop', kids: ['a'], isRefresh: true, isEarly: true })
  expect(added).toEqual([])
  await counted.stop()
  await counted.flush()
  expect(added).toEqual([
    { kid: 'a', clientId: 'shop', tokenRequests: 2, refreshes: 1, earlyRefreshes: 1 },
    { kid: 'b', clientId: 'shop', tokenRequests: 1, refreshes: 0, earlyRefreshes: 0 },
  ])
})
