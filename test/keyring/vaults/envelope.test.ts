import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { decodeProtectedHeader } from 'jose'
import { Envelope, fingerprintOf } from '../../../src/keyring/vaults/envelope.ts'

const binding = { kid: 'k1', purpose: 'signing-key' } as const
const secret = new TextEncoder().encode('the secret')

let keks: Uint8Array[]
let envelope: Envelope

beforeEach(async () => {
  keks = [randomBytes(32)]
  envelope = await Envelope.open(() => keks)
})

describe('the envelope', () => {
  test('opens a secret that it has sealed', async () => {
    expect(Buffer.from(await envelope.open(binding, await envelope.seal(binding, secret)))).toEqual(Buffer.from(secret))
  })

  test('states the binding and the key-encryption key in the header', async () => {
    const { jwe, fingerprint } = await envelope.seal(binding, secret)
    expect(decodeProtectedHeader(jwe)).toEqual({ alg: 'dir', enc: 'A256GCM', ...binding, kek: fingerprint })
  })

  test.each([
    ['the row of another key', { kid: 'k2', purpose: 'signing-key' }],
    ['the row of another kind of secret', { kid: 'k1', purpose: 'secret' }],
  ] as const)('does not open in %s', async (_, other) => {
    const sealed = await envelope.seal(binding, secret)
    await expect(envelope.open(other, sealed)).rejects.toMatchObject({ code: 'sealed_secret_damaged' })
  })

  test('does not open a secret after a byte was changed', async () => {
    const { jwe, fingerprint } = await envelope.seal(binding, secret)
    const parts = jwe.split('.')
    parts[3] = Buffer.from('another secret').toString('base64url')
    await expect(envelope.open(binding, { jwe: parts.join('.'), fingerprint })).rejects.toMatchObject({
      code: 'sealed_secret_damaged',
    })
  })

  test('names both fingerprints for a wrong key-encryption key, and neither key', async () => {
    const sealed = await envelope.seal(binding, secret)
    const [right] = keks as [Uint8Array]
    const wrong = randomBytes(32)
    const other = await Envelope.open(() => [wrong])
    const refusal = (await other.open(binding, sealed).catch((reason: unknown) => reason)) as Error
    expect(refusal).toMatchObject({ code: 'key_encryption_key_wrong' })
    expect(refusal.message).toContain('CLAVIGER_KEY_ENCRYPTION_KEY')
    expect(refusal.message).toContain(fingerprintOf(wrong))
    expect(refusal.message).toContain(fingerprintOf(right))
    for (const kek of [right, wrong]) {
      expect(inspect(refusal, { depth: 9 })).not.toContain(Buffer.from(kek).toString('hex'))
      expect(inspect(refusal, { depth: 9 })).not.toContain(Buffer.from(kek).toString('base64url'))
    }
  })

  test('names the expected fingerprint when the key-encryption key is missing', async () => {
    const sealed = await envelope.seal(binding, secret)
    const none = await Envelope.open(() => [])
    await expect(none.open(binding, sealed)).rejects.toThrow(sealed.fingerprint)
    await expect(none.seal(binding, secret)).rejects.toMatchObject({ code: 'key_encryption_key_missing' })
  })

  test('refuses a key-encryption key of the wrong length at once', async () => {
    await expect(Envelope.open(() => [randomBytes(31)])).rejects.toMatchObject({ code: 'key_encryption_key_malformed' })
  })

  test('seals with the newest of several keys, and opens with each of them', async () => {
    const old = await envelope.seal(binding, secret)
    keks = [randomBytes(32), ...keks]
    const both = await Envelope.open(() => keks)
    expect((await both.seal(binding, secret)).fingerprint).toBe(fingerprintOf(keks[0] as Uint8Array))
    await expect(both.open(binding, old)).resolves.toBeDefined()
  })

  test('reads the key-encryption keys again when it finds a row under a new one', async () => {
    keks = [randomBytes(32)]
    const sealed = await (await Envelope.open(() => keks)).seal(binding, secret)
    await expect(envelope.open(binding, sealed)).resolves.toBeDefined()
  })

  test('shows no key when it is printed', () => {
    expect(inspect(envelope, { depth: 9, showHidden: true })).not.toContain(
      Buffer.from(keks[0] as Uint8Array).toString('hex'),
    )
  })
})

test('a fingerprint identifies its key and is not a plain hash of it', async () => {
  const kek = randomBytes(32)
  expect(fingerprintOf(kek)).toMatch(/^[0-9a-f]{16}$/)
  expect(fingerprintOf(kek)).toBe(fingerprintOf(kek))
  expect(fingerprintOf(kek)).not.toBe(fingerprintOf(randomBytes(32)))
  const plain = Buffer.from(await crypto.subtle.digest('SHA-256', kek)).toString('hex')
  expect(plain).not.toContain(fingerprintOf(kek))
})
