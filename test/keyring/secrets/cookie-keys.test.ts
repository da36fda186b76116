import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { CookieKeys } from '../../../src/keyring/secrets/cookie-keys.ts'
import { DeploymentSecrets } from '../../../src/keyring/secrets/deployment-secrets.ts'
import { Envelope } from '../../../src/keyring/vaults/envelope.ts'
import { MemorySecretStore } from '../memory-secret-store.ts'
import { DAY } from '../sample-key.ts'

let store: MemorySecretStore
let secrets: DeploymentSecrets
let cookieKeys: CookieKeys

const start = () =>
  CookieKeys.start({
    secrets,
    changes: { on: () => {} },
    audit: { write: () => {} },
    longestCookieSeconds: 30 * DAY,
    onError: (reason) => {
      throw reason
    },
  })

beforeEach(async () => {
  store = new MemorySecretStore()
  const kek = randomBytes(32)
  secrets = new DeploymentSecrets({ store, envelope: await Envelope.open(() => [kek]) })
  cookieKeys = await start()
})

afterEach(() => cookieKeys.stop())

describe('cookie keys', () => {
  test('begin with one that is created at the first start and signs at once', () => {
    expect(cookieKeys.current()).toEqual([expect.stringMatching(/^[A-Za-z0-9_-]{43}$/)])
  })

  test('are the same on another node', async () => {
    const other = await start()
    expect(other.current()).toEqual(cookieKeys.current())
    other.stop()
  })

  test('include a new one, which verifies at once and signs after the lead', async () => {
    const [first] = cookieKeys.current()
    await cookieKeys.rotate()
    const [signs, verifies] = cookieKeys.current()
    expect(signs).toBe(first)
    expect(verifies).toBeDefined()
    store.advance(61)
    await cookieKeys.reload()
    expect(cookieKeys.current()).toEqual([verifies, first])
  })

  test('include older ones, which verify for the lifetime of a cookie, so that no session ends', async () => {
    const [first] = cookieKeys.current()
    await cookieKeys.rotate()
    store.advance(30 * DAY)
    await cookieKeys.runDueStep()
    await cookieKeys.reload()
    expect(cookieKeys.current()).toContain(first)
    store.advance(1 * DAY)
    await cookieKeys.runDueStep()
    await cookieKeys.reload()
    expect(cookieKeys.current()).not.toContain(first)
    expect(cookieKeys.current()).toHaveLength(1)
  })

  test('rotate automatically, once, when the interval is over', async () => {
    store.advance(91 * DAY)
    await cookieKeys.runDueStep()
    await cookieKeys.runDueStep()
    expect(cookieKeys.current()).toHaveLength(2)
  })

  test('call their listeners after a change', async () => {
    const counts: number[] = []
    cookieKeys.onChange((keys) => counts.push(keys.length))
    await cookieKeys.rotate()
    await cookieKeys.reload()
    expect(counts).toEqual([2])
  })
})

describe('secrets of the deployment', () => {
  test('are 32 bytes, the same at every call and different for each name', async () => {
    const csrf = await secrets.secret('csrf')
    expect(csrf).toHaveLength(32)
    expect(await secrets.secret('csrf')).toEqual(csrf)
    expect(await secrets.secret('device-cookie')).not.toEqual(csrf)
  })

  test('are created once when two nodes need one at the same time', async () => {
    const [one, other] = await Promise.all([secrets.secret('dpop-nonce'), secrets.secret('dpop-nonce')])
    expect(one).toEqual(other)
  })

  test('cannot be opened when one is put in the place of another', async () => {
    await secrets.secret('csrf')
    const csrf = store.secrets.find(({ name }) => name === 'csrf')
    if (csrf) store.secrets.push({ ...csrf, name: 'dpop-nonce' })
    await expect(secrets.secret('dpop-nonce')).rejects.toMatchObject({ code: 'sealed_secret_damaged' })
  })
})
