import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { KeySnapshot } from '../../../src/keyring/cycle/key-store.ts'
import { staleSecondsOf } from '../../../src/keyring/cycle/key-times.ts'
import { Keyring } from '../../../src/keyring/keyring.ts'
import { LiveKeySet } from '../../../src/keyring/live/live-key-set.ts'
import { Envelope } from '../../../src/keyring/vaults/envelope.ts'
import { type KeyVault, LocalKeyVault } from '../../../src/keyring/vaults/key-vault.ts'
import { MemoryKeyStore } from '../memory-key-store.ts'
import { DAY, HOUR, times } from '../sample-key.ts'

let store: MemoryKeyStore
let vault: KeyVault
let keyring: Keyring
let live: LiveKeySet
let errors: unknown[]
let notify: () => Promise<void>
/** How far the node's clock is ahead of the store's. */
let nodeAheadSeconds: number
let read: () => Promise<KeySnapshot>

const start = (with_: Partial<{ vault: Pick<KeyVault, 'open'> }> = {}) =>
  LiveKeySet.start({
    store: { read: () => read() },
    vault: with_.vault ?? vault,
    times,
    changes: {
      on: (_, listener) => {
        notify = listener
      },
    },
    onError: (reason) => errors.push(reason),
    now: () => new Date(store.now.getTime() + nodeAheadSeconds * 1000),
  })

const kids = (keys: readonly { kid?: string | undefined }[]) => keys.map(({ kid }) => kid)
const kidOf = (state: string, alg = 'ES256') => store.keys.find((key) => key.alg === alg && key.state === state)?.kid

beforeEach(async () => {
  errors = []
  nodeAheadSeconds = 0
  store = new MemoryKeyStore()
  read = () => store.read()
  const kek = randomBytes(32)
  vault = new LocalKeyVault(await Envelope.open(() => [kek]))
  keyring = new Keyring({ store, vault, times, algorithms: ['ES256', 'EdDSA'], audit: { write: () => {} } })
  await keyring.ensureKeys()
  live = await start()
})

afterEach(() => live.stop())

describe('the live key set', () => {
  test('publishes active keys and standbys with kid, alg and use, and no private member', () => {
    const { keys } = live.current().publicJwks
    expect(kids(keys)).toEqual([kidOf('active'), kidOf('pending'), kidOf('active', 'EdDSA'), kidOf('pending', 'EdDSA')])
    for (const key of keys) {
      expect(key).toMatchObject({ use: 'sig', kid: expect.any(String), alg: expect.any(String) })
      expect(Object.keys(key)).not.toEqual(expect.arrayContaining(['d']))
      expect(Object.keys(key)).not.toEqual(expect.arrayContaining(['key_ops']))
    }
  })

  test('lists ML-DSA after the algorithms that every verifier supports', async () => {
    await new Keyring({
      store,
      vault,
      times,
      algorithms: ['ML-DSA-65', 'ES256'],
      audit: { write: () => {} },
    }).ensureKeys()
    await live.reload()
    const algorithms = live.current().publicJwks.keys.map(({ alg }) => alg)
    expect(algorithms).toEqual(['ES256', 'ES256', 'EdDSA', 'EdDSA', 'ML-DSA-65', 'ML-DSA-65'])
  })

  test('gives the engine the active key first, then retired keys, and separately the standby, which signs for no app', async () => {
    await keyring.rotate({ alg: 'ES256', now: true })
    await live.reload()
    const engine = live.current().signers.filter(({ alg }) => alg === 'ES256')
    expect(kids(engine)).toEqual([kidOf('active'), kidOf('retired')])
    const [standby] = live.current().standbys
    expect([standby?.kid, standby?.onlyFor]).toEqual([kidOf('pending'), null])
  })

  test('lets a standby sign for the canary from the end of its lead until the canary is removed', async () => {
    const duty = async () => {
      await live.reload()
      return live.current().standbys.find(({ kid }) => kid === kidOf('pending'))?.onlyFor
    }
    await keyring.nameCanary('shop')
    expect(await duty()).toBe(null)
    store.advance(DAY)
    await keyring.runDueStep()
    expect(await duty()).toBe('shop')
    await keyring.nameCanary('till')
    expect(await duty()).toBe('till')
    await keyring.nameCanary(undefined)
    expect(await duty()).toBe(null)
  })

  test('shows no private key when it is printed or serialised', () => {
    const set = live.current()
    for (const shown of [JSON.stringify(set), inspect(set, { depth: 9, showHidden: true })]) {
      expect(shown).not.toMatch(/"?\b(d|p|q|dp|dq|qi|priv)"?:/)
    }
  })

  test('changes its version only with the keys', async () => {
    const { version } = live.current()
    await live.reload()
    expect(live.current().version).toBe(version)
    await keyring.rotate({ alg: 'ES256', now: true })
    await live.reload()
    expect(live.current().version).not.toBe(version)
  })
})

describe('the cache time of the JWKS', () => {
  test('is 300 s and never reaches past a promotion', () => {
    expect(live.current().maxAgeSeconds).toBe(300)
    store.advance(30 * DAY - 100)
    expect(live.current().maxAgeSeconds).toBe(100)
    store.advance(99.5)
    expect(live.current().maxAgeSeconds).toBe(0)
    store.advance(10)
    expect(live.current().maxAgeSeconds).toBe(0)
  })

  test('follows the clock of the store, not that of the node', async () => {
    live.stop()
    nodeAheadSeconds = -2 * HOUR
    live = await start()
    store.advance(30 * DAY - 100)
    expect(live.current().maxAgeSeconds).toBe(100)
  })

  test('allows a stale copy for 30 s, but never past the lead', async () => {
    expect(live.current().staleSeconds).toBe(30)
    expect(staleSecondsOf({ ...times, publishLeadSeconds: 310 })).toBe(10)
    expect(staleSecondsOf({ ...times, publishLeadSeconds: 120 })).toBe(0)
  })

  test('is shorter when a rotation is requested', async () => {
    await keyring.rotate({ alg: 'ES256' })
    await live.reload()
    store.advance(DAY - 10)
    expect(live.current().maxAgeSeconds).toBe(10)
  })
})

test('metrics report the age of each active key and the time to the next rotation', () => {
  store.advance(31 * DAY)
  expect(live.ages()).toEqual([
    { alg: 'ES256', ageSeconds: 31 * DAY, rotationDueSeconds: -DAY },
    { alg: 'EdDSA', ageSeconds: 31 * DAY, rotationDueSeconds: -DAY },
  ])
})

describe('following changes of the keys', () => {
  test('a notification replaces the set and calls the listeners', async () => {
    const versions: string[] = []
    live.onChange(({ version }) => versions.push(version))
    await keyring.revoke(kidOf('active') as string, { compromised: true })
    await notify()
    expect(versions).toEqual([live.current().version])
    expect(kids(live.current().publicJwks.keys)).toContain(kidOf('pending'))
  })

  test('a removed listener is not called, and a listener that throws does not affect the others', async () => {
    const called: string[] = []
    const stop = live.onChange(() => called.push('stopped'))
    live.onChange(() => {
      throw new Error('a listener failed')
    })
    live.onChange(() => called.push('listening'))
    stop()
    await keyring.rotate({ now: true })
    await live.reload()
    expect(called).toEqual(['listening'])
    expect(errors).toMatchObject([{ message: 'a listener failed' }])
  })

  test('a notification during a reload causes one more reload', async () => {
    let looks = 0
    read = async () => {
      looks++
      return store.read()
    }
    await Promise.all([live.reload(), live.reload(), live.reload(), live.reload()])
    expect(looks).toBe(2)
  })

  test('a key is opened once, not at every change', async () => {
    let opened = 0
    live.stop()
    live = await start({
      vault: {
        open: (key) => {
          opened++
          return vault.open(key)
        },
      },
    })
    await keyring.rotate({ alg: 'ES256', now: true })
    await live.reload()
    expect(opened).toBe(5)
  })

  test('the set stays in use without the database', async () => {
    const before = live.current()
    read = () => Promise.reject(new Error('the database is away'))
    await live.reload()
    expect(live.current()).toBe(before)
    expect(errors).toMatchObject([{ message: 'the database is away' }])
  })

  test('a key that cannot be opened is reported and not published; the others are published', async () => {
    await keyring.rotate({ alg: 'ES256', now: true })
    const forged = kidOf('pending')
    store.keys = store.keys.map((key) => (key.kid === forged ? { ...key, sealed: 'forged' } : key))
    await live.reload()
    expect(kids(live.current().publicJwks.keys)).not.toContain(forged)
    expect(live.current().publicJwks.keys).toHaveLength(4)
    expect(errors).toMatchObject([{ code: 'sealed_secret_damaged' }])
  })

  test('a key that cannot be opened stops the start', async () => {
    const other = new LocalKeyVault(await Envelope.open(() => [randomBytes(32)]))
    await expect(start({ vault: other })).rejects.toMatchObject({ code: 'key_encryption_key_wrong' })
  })
})
