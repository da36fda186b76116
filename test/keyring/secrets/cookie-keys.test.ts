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
  test('the first is made at the first start and signs at once', () => {
    expect(cookieKeys.current()).toEqual([expect.stringMatching(/^[A-Za-z0-9_-]{43}$/)])
  })

  test('another node has the same', async () => {
    const other = await start()
    expect(other.current()).toEqual(cookieKeys.current())
    other.stop()
  })

  test('a new one verifies at once and signs when every node knows it', async () => {
    const [first] = cookieKeys.current()
    await cookieKeys.rotate()
    const [signs, verifies] = cookieKeys.current()
    expect(signs).toBe(first)
    expect(verifies).toBeDefined()
    store.advance(61)
    await cookieKeys.reload()
    expect(cookieKeys.current()).toEqual([verifies, first])
  })

  test('an older one verifies as long as a cookie may live, so that nobody is signed out', async () => {
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

  test('rotate by themselves, once, when they are due', async () => {
    store.advance(91 * DAY)
    await cookieKeys.runDueStep()
    await cookieKeys.runDueStep()
    expect(cookieKeys.current()).toHaveLength(2)
  })

  test('who listens is told of a change', async () => {
    const heard: number[] = []
    cookieKeys.onChange((keys) => heard.push(keys.length))
    await cookieKeys.rotate()
    await cookieKeys.reload()
    expect(heard).toEqual([2])
  })
})

describe('secrets of the deployment', () => {
  test('are 32 bytes, the same at every call and different for each name', async () => {
    const csrf = await secrets.secret('csrf')
    expect(csrf).toHaveLength(32)
    expect(await secrets.secret('csrf')).toEqual(csrf)
    expect(await secrets.secret('device-cookie')).not.toEqual(csrf)
  })

  test('two nodes that need one first at once get the same', async () => {
    const [one, other] = await Promise.all([secrets.secret('dpop-nonce'), secrets.secret('dpop-nonce')])
    expect(one).toEqual(other)
  })

  test('one put in the place of another does not open', async () => {
    await secrets.secret('csrf')
    const csrf = store.secrets.find(({ name }) => name === 'csrf')
    if (csrf) store.secrets.push({ ...csrf, name: 'dpop-nonce' })
    await expect(secrets.secret('dpop-nonce')).rejects.toMatchObject({ code: 'sealed_secret_damaged' })
  })
})
