import { beforeEach, describe, expect, test } from '@jest/globals'
import { exportJWK, generateKeyPair } from 'jose'
import type { AuditEntry } from '../../src/events/events.ts'
import type { KeyStore } from '../../src/keyring/cycle/key-store.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import { CheapVault } from './cheap-vault.ts'
import { MemoryKeyStore } from './memory-key-store.ts'
import { DAY, later, times } from './sample-key.ts'

let store: MemoryKeyStore
let keyring: Keyring
let audit: AuditEntry[]

const keyringOn = (on: KeyStore, algorithms: readonly string[] = ['ES256', 'RS256']) =>
  new Keyring({ store: on, vault: new CheapVault(), times, algorithms, audit: { write: (entry) => audit.push(entry) } })

const kidOf = (alg: string, state: string): string =>
  store.keys.find((key) => key.alg === alg && key.state === state)?.kid ?? 'none'

beforeEach(async () => {
  audit = []
  store = new MemoryKeyStore()
  keyring = keyringOn(store)
  await keyring.ensureKeys()
})

describe('the first start', () => {
  test('publishes an active key and a standby for each algorithm', async () => {
    const rows = await keyring.list()
    expect(rows.map(({ alg, state }) => `${alg} ${state}`)).toEqual([
      'ES256 active',
      'ES256 pending',
      'RS256 active',
      'RS256 pending',
    ])
    expect((await keyring.publicJwks()).keys).toHaveLength(4)
  })

  test('is the only one that creates keys: a second start changes nothing', async () => {
    const before = store.keys
    await keyring.ensureKeys()
    expect(store.keys).toBe(before)
  })

  test('after an algorithm is switched on creates its keys only', async () => {
    const before = store.keys
    await keyringOn(store, ['ES256', 'RS256', 'EdDSA']).ensureKeys()
    expect(store.keys.slice(0, 4)).toEqual(before)
    expect(store.keys.slice(4).map(({ alg, state }) => `${alg} ${state}`)).toEqual(['EdDSA active', 'EdDSA pending'])
  })

  test('fails for contradictory times and names their numbers', () => {
    const wrong = { ...times, publishLeadSeconds: 31 * DAY }
    const build = () =>
      new Keyring({ store, vault: new CheapVault(), times: wrong, algorithms: [], audit: { write: () => {} } })
    expect(build).toThrow(/2678400 s.*2592000 s/)
  })
})

describe('the key schedule', () => {
  test('does nothing before the rotation interval is over', async () => {
    store.advance(30 * DAY - 1)
    expect(await keyring.runDueStep()).toEqual([])
  })

  test('at the end of the interval the standby becomes active, the former key gets a removal date, and a new standby is published', async () => {
    const [active, standby] = [kidOf('ES256', 'active'), kidOf('ES256', 'pending')]
    store.advance(30 * DAY)
    await keyring.runDueStep()
    expect(kidOf('ES256', 'active')).toBe(standby)
    expect(kidOf('ES256', 'retired')).toBe(active)
    expect(store.keys.find(({ kid }) => kid === active)?.removableAt).toEqual(later(store.now, 7 * DAY + 60))
    expect([active, standby]).not.toContain(kidOf('ES256', 'pending'))
  })

  test('removes a retired key when everything that it signed has expired', async () => {
    const active = kidOf('ES256', 'active')
    store.advance(30 * DAY)
    await keyring.runDueStep()
    store.advance(7 * DAY + 59)
    expect(await keyring.runDueStep()).toEqual([])
    store.advance(1)
    await keyring.runDueStep()
    expect((await keyring.list()).map(({ kid }) => kid)).not.toContain(active)
    expect((await keyring.list({ all: true })).find(({ kid }) => kid === active)?.state).toBe('removed')
  })

  test('does nothing on a node that finds a due step already taken by another node', async () => {
    store.advance(30 * DAY)
    const before = await store.read()
    const late = keyringOn({ read: async () => before, change: (...change) => store.change(...change) })
    await keyring.runDueStep()
    const done = store.keys
    expect(await late.runDueStep()).toEqual([])
    expect(store.keys).toEqual(done)
  })

  test('follows the clock of the store, not that of the node', async () => {
    const { keys } = await store.read()
    expect(keys.every(({ createdAt }) => createdAt.getTime() === store.now.getTime())).toBe(true)
  })

  test('lists the next steps with their dates, up to the removal of the active key', async () => {
    const steps = (await keyring.schedule()).filter(({ alg }) => alg === 'ES256')
    expect(steps.map(({ at }) => at)).toEqual([
      later(store.now, 30 * DAY),
      later(store.now, 30 * DAY),
      later(store.now, 30 * DAY),
      later(store.now, 37 * DAY + 60),
    ])
    expect(await keyring.nextRotationAt()).toEqual(later(store.now, 30 * DAY))
  })

  test('proves for each promotion that every cache has the key before it signs', async () => {
    const [proof] = await keyring.proof()
    expect(proof).toContain(kidOf('ES256', 'pending'))
    expect(proof).toContain(`${30 * DAY - 330} s later`)
  })
})

describe('a rotation by hand', () => {
  test('waits for the publish lead and then needs no further command', async () => {
    const standby = kidOf('ES256', 'pending')
    const { steps } = await keyring.rotate({ alg: 'ES256', actor: 'cli:root' })
    expect(steps).toMatchObject([{ kid: standby, at: later(store.now, DAY) }])
    expect(await keyring.nextRotationAt('ES256')).toEqual(later(store.now, DAY))
    store.advance(DAY)
    await keyring.runDueStep()
    expect(kidOf('ES256', 'active')).toBe(standby)
  })

  test('is immediate when the lead is over', async () => {
    const standby = kidOf('RS256', 'pending')
    store.advance(DAY)
    await keyring.rotate()
    expect(kidOf('RS256', 'active')).toBe(standby)
  })

  test('skips the lead with --now and records that in the reason', async () => {
    await keyring.rotate({ alg: 'ES256', now: true })
    expect(store.keys.find(({ kid }) => kid === kidOf('ES256', 'active'))?.reason).toMatch(/^emergency: /)
  })

  test('reports the steps of a dry run and takes none', async () => {
    const before = store.keys
    audit = []
    const { steps, keys } = await keyring.rotate({ alg: 'ES256', now: true, dryRun: true })
    expect(steps.map(({ kid }) => kid)).toEqual([kidOf('ES256', 'active'), kidOf('ES256', 'pending'), undefined])
    expect(keys.filter(({ alg }) => alg === 'ES256').map(({ kid, state }) => [state, kid])).toEqual([
      ['active', kidOf('ES256', 'pending')],
      ['pending', '(to be made)'],
      ['retired', kidOf('ES256', 'active')],
    ])
    expect(store.keys).toBe(before)
    expect(audit).toEqual([])
  })

  test('fails for an unknown or unused algorithm, each with its own error code', async () => {
    await expect(keyring.rotate({ alg: 'HS256' })).rejects.toMatchObject({
      code: 'signing_algorithm_unknown',
      kind: 'invalid',
    })
    await expect(keyring.rotate({ alg: 'EdDSA' })).rejects.toMatchObject({ code: 'signing_algorithm_unused' })
  })

  test('is refused while another change is running', async () => {
    let finish = () => {}
    const running = store.change(
      'wait',
      () =>
        new Promise<void>((resolve) => {
          finish = resolve
        }),
    )
    await expect(keyring.rotate()).rejects.toMatchObject({ code: 'key_change_running', kind: 'conflict' })
    // setImmediate: by then the change has begun
    await new Promise((resolve) => setImmediate(resolve))
    finish()
    await running
  })
})

describe('revoking a signing key', () => {
  test('that is active makes the standby active, removes the key from the JWKS and publishes a new standby', async () => {
    const [active, standby] = [kidOf('ES256', 'active'), kidOf('ES256', 'pending')]
    const made = await keyring.revoke(active, { compromised: true, actor: 'cli:root' })
    expect(kidOf('ES256', 'active')).toBe(standby)
    expect((await keyring.publicJwks()).keys.map(({ kid }) => kid)).not.toContain(active)
    expect((await keyring.publicJwks()).keys).toHaveLength(4)
    expect(made.acceptedUntil).toEqual(later(store.now, 330))
    expect(store.keys.find(({ kid }) => kid === active)?.sealed).toBeNull()
  })

  test('that is the standby replaces it', async () => {
    const [active, standby] = [kidOf('ES256', 'active'), kidOf('ES256', 'pending')]
    await keyring.revoke(standby, { compromised: true })
    expect(kidOf('ES256', 'active')).toBe(active)
    expect(kidOf('ES256', 'pending')).not.toBe(standby)
  })

  test('twice in a row leaves an active key', async () => {
    await keyring.revoke(kidOf('ES256', 'active'), { compromised: true })
    await keyring.revoke(kidOf('ES256', 'active'), { compromised: true })
    expect(kidOf('ES256', 'active')).not.toBe('none')
  })

  test('must be confirmed', async () => {
    await expect(keyring.revoke(kidOf('ES256', 'active'), { compromised: false })).rejects.toMatchObject({
      code: 'revocation_unconfirmed',
      kind: 'invalid',
    })
  })

  test('fails for an unknown kid and for a revoked key, each with its own error code', async () => {
    const active = kidOf('ES256', 'active')
    await expect(keyring.revoke('nobody', { compromised: true })).rejects.toMatchObject({
      code: 'key_unknown',
      kind: 'missing',
    })
    await keyring.revoke(active, { compromised: true })
    await expect(keyring.revoke(active, { compromised: true })).rejects.toMatchObject({ code: 'key_gone' })
  })

  test('reports until when caches may lack the active key: only when it was not published long enough', async () => {
    store.advance(times.publishLeadSeconds)
    const made = await keyring.revoke(kidOf('ES256', 'active'), { compromised: true })
    expect(made.unknownUntil).toBeUndefined()
    store.advance(100)
    const again = await keyring.revoke(kidOf('ES256', 'active'), { compromised: true })
    expect(again).toMatchObject({ unknownUntil: later(store.now, 230), acceptedUntil: later(store.now, 330) })
    expect(await keyring.rotate({ alg: 'RS256' })).not.toHaveProperty('acceptedUntil')
  })

  test('for all keys removes every old key, and caches limit the outage', async () => {
    const before = new Set(store.keys.map(({ kid }) => kid))
    const made = await keyring.revokeAll({ compromised: true })
    expect(made).toMatchObject({ acceptedUntil: later(store.now, 330), unknownUntil: later(store.now, 330) })
    const published = (await keyring.publicJwks()).keys.map(({ kid }) => kid as string)
    expect(published.filter((kid) => before.has(kid))).toEqual([])
    expect(published).toHaveLength(4)
  })

  test('is audited with actor, key and reason after the commit', async () => {
    const active = kidOf('ES256', 'active')
    audit = []
    await keyring.revoke(active, { compromised: true, actor: 'cli:root' })
    expect(audit.map(({ kind, actor }) => `${kind} by ${actor}`)).toEqual([
      'key.revoked by cli:root',
      'key.promoted by cli:root',
      'key.created by cli:root',
    ])
    expect(audit[0]?.detail).toEqual({ kid: active, alg: 'ES256', reason: 'emergency: compromised' })
  })
})

describe('removing a signing key', () => {
  test('is refused before its removal date, which the error names', async () => {
    await keyring.rotate({ alg: 'ES256', now: true })
    const kid = kidOf('ES256', 'retired')
    const removableAt = later(store.now, 7 * DAY + 60)
    await expect(keyring.remove(kid)).rejects.toThrow(removableAt.toISOString())
    store.advance(7 * DAY + 60)
    await keyring.remove(kid)
    expect(kidOf('ES256', 'removed')).toBe(kid)
  })

  test.each(['active', 'pending'])('is refused for the %s key', async (state) => {
    await expect(keyring.remove(kidOf('ES256', state))).rejects.toMatchObject({ code: 'key_in_use' })
  })
})

describe('importing a signing key', () => {
  const keyOf = async (alg: string, kid?: string) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true })
    return JSON.stringify({ ...(await exportJWK(privateKey)), kid })
  }

  test('replaces the standby, which never signed', async () => {
    const standby = kidOf('ES256', 'pending')
    await keyring.import({ key: await keyOf('ES256', 'from-elsewhere') })
    expect(kidOf('ES256', 'pending')).toBe('from-elsewhere')
    expect(kidOf('ES256', 'removed')).toBe(standby)
    expect(kidOf('ES256', 'active')).not.toBe('from-elsewhere')
  })

  test('only to verify changes no other key, and the key is removed when everything that it signed has expired', async () => {
    const before = store.keys
    await keyring.import({ key: await keyOf('EdDSA', 'old'), as: 'retired' })
    expect(store.keys.slice(0, 4)).toEqual(before)
    expect(store.keys.slice(4)).toMatchObject([
      { kid: 'old', state: 'retired', removableAt: later(store.now, 7 * DAY + 60) },
    ])
  })

  test('before the first start makes it the active key, as its existing verifiers expect', async () => {
    store = new MemoryKeyStore()
    keyring = keyringOn(store)
    await keyring.import({ key: await keyOf('ES256', 'from-elsewhere') })
    await keyring.ensureKeys()
    expect(kidOf('ES256', 'active')).toBe('from-elsewhere')
    expect(kidOf('ES256', 'pending')).not.toBe('none')
  })

  test('is refused for an algorithm that is off, unless the key only verifies', async () => {
    const key = await keyOf('EdDSA')
    await expect(keyring.import({ key })).rejects.toMatchObject({ code: 'signing_algorithm_unused' })
  })

  test('twice is refused', async () => {
    const key = await keyOf('ES256')
    await keyring.import({ key })
    await expect(keyring.import({ key })).rejects.toMatchObject({ code: 'key_already_there' })
  })

  test('checks the key in a dry run and imports nothing', async () => {
    const before = store.keys
    const { steps } = await keyring.import({ key: await keyOf('ES256', 'x'), dryRun: true })
    expect(steps.map(({ kid }) => kid)).toContain('x')
    expect(store.keys).toBe(before)
  })
})

describe('switching an algorithm off', () => {
  test('retires its key, which verifies for the retention time, and removes its standby', async () => {
    const wide = keyringOn(store, ['ES256', 'RS256', 'EdDSA'])
    await wide.ensureKeys()
    await expect(wide.switchOff('EdDSA')).rejects.toMatchObject({ code: 'signing_algorithm_configured' })
    await keyring.switchOff('EdDSA')
    expect(kidOf('EdDSA', 'retired')).not.toBe('none')
    expect(kidOf('EdDSA', 'pending')).toBe('none')
    expect(await keyring.runDueStep()).toEqual([])
  })

  test('is refused for the algorithms that are always on', async () => {
    await expect(keyring.switchOff('RS256')).rejects.toMatchObject({ code: 'signing_algorithm_required' })
  })

  test('does not happen on a node without it in its configuration, which even rotates its keys', async () => {
    await keyringOn(store, ['ES256', 'RS256', 'EdDSA']).ensureKeys()
    const standby = kidOf('EdDSA', 'pending')
    store.advance(30 * DAY)
    await keyring.runDueStep()
    expect(kidOf('EdDSA', 'active')).toBe(standby)
  })
})
