import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { readForeignKey } from '../../../src/keyring/cycle/import-key.ts'

const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8') =>
  key.export({ type, format: 'pem' }) as string
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ed25519 = generateKeyPairSync('ed25519')
const jwk = (key: KeyObject) => ({ ...(key.export({ format: 'jwk' }) as Record<string, string>) })

describe('a foreign key is read', () => {
  test.each([
    ['EC P-256 as PKCS #8', pem(p256.privateKey), 'ES256'],
    ['EC P-256 as SEC 1', pem(p256.privateKey, 'sec1'), 'ES256'],
    ['EC P-384', pem(p384.privateKey), 'ES384'],
    ['RSA as PKCS #1', pem(rsa.privateKey, 'pkcs1'), 'RS256'],
    ['Ed25519', pem(ed25519.privateKey), 'EdDSA'],
    ['a JWK', JSON.stringify(jwk(p256.privateKey)), 'ES256'],
    ['a JWK of a PS256 key', JSON.stringify({ ...jwk(rsa.privateKey), alg: 'PS256' }), 'PS256'],
  ])('in the form: %s', async (_, text, alg) => {
    const { pair, alg: read } = await readForeignKey(text)
    expect(read).toBe(alg)
    expect(pair.publicJwk).toMatchObject({ kid: pair.kid, alg, use: 'sig' })
    expect(Object.keys(pair.publicJwk)).not.toContain('d')
  })

  test('in the form of an ML-DSA-65 JWK', async () => {
    const { privateKey } = await generateKeyPair('ML-DSA-65', { extractable: true })
    const { pair, alg } = await readForeignKey(JSON.stringify(await exportJWK(privateKey)))
    expect(alg).toBe('ML-DSA-65')
    expect(Object.keys(pair.publicJwk).sort()).toEqual(['alg', 'kid', 'kty', 'pub', 'use'])
  })

  test('for PS256 when it is an RSA key and PS256 is requested', async () => {
    expect((await readForeignKey(pem(rsa.privateKey), 'PS256')).alg).toBe('PS256')
  })

  test('and named by its RFC 7638 thumbprint', async () => {
    const { pair } = await readForeignKey(pem(p256.privateKey))
    expect(pair.kid).toBe(await calculateJwkThumbprint(jwk(p256.privateKey)))
  })

  test('and keeps its kid, by which existing tokens name it', async () => {
    const { pair } = await readForeignKey(JSON.stringify({ ...jwk(p256.privateKey), kid: 'old-2024' }))
    expect(pair.kid).toBe('old-2024')
  })
})

describe('a key that may not sign is refused', () => {
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const encrypted = p256.privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  }) as string
  const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' })
  const x25519 = generateKeyPairSync('x25519')
  const mixed = { ...jwk(p256.privateKey), d: jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)['d'] }

  test.each([
    ['a public PEM', p256.publicKey.export({ type: 'spki', format: 'pem' }) as string, 'private_key_missing'],
    ['a public JWK', JSON.stringify(jwk(p256.publicKey)), 'private_key_missing'],
    ['an RSA key of 1024 bits', pem(short.privateKey), 'rsa_key_too_short'],
    ['a short RSA key as JWK', JSON.stringify(jwk(short.privateKey)), 'rsa_key_too_short'],
    ['an encrypted PEM', encrypted, 'private_key_malformed'],
    ['a truncated PEM', pem(p256.privateKey).slice(0, 80), 'private_key_malformed'],
    ['noise', 'hello', 'private_key_malformed'],
    ['nothing', '', 'private_key_malformed'],
    ['a JWK that is not JSON', '{"kty":', 'private_key_malformed'],
    ['JSON that is not a JWK', '{}', 'private_key_malformed'],
    ['a shared secret', '{"kty":"oct","k":"c2VjcmV0"}', 'private_key_malformed'],
    ['an encryption key', JSON.stringify({ ...jwk(p256.privateKey), use: 'enc' }), 'private_key_malformed'],
    ['the halves of two keys', JSON.stringify(mixed), 'private_key_malformed'],
    ['a kid with a line break', JSON.stringify({ ...jwk(p256.privateKey), kid: 'a\nb' }), 'private_key_malformed'],
    ['a curve that no algorithm here uses', pem(p521.privateKey), 'signing_algorithm_wrong'],
    ['a key that cannot sign', pem(x25519.privateKey), 'signing_algorithm_wrong'],
    ['a text longer than any key', 'x'.repeat(30_000), 'private_key_malformed'],
  ])('for example %s', async (_, text, code) => {
    await expect(readForeignKey(text)).rejects.toMatchObject({ code, kind: 'invalid' })
  })

  test('for an algorithm that it does not fit', async () => {
    await expect(readForeignKey(pem(p256.privateKey), 'RS256')).rejects.toThrow(/EC P-256 signs ES256, not RS256/)
  })

  test('without a quote of the key', async () => {
    const secret = jwk(p256.privateKey)['d'] as string
    const text = JSON.stringify({ ...jwk(p256.privateKey), use: 'enc' })
    const refusal = await readForeignKey(text).catch((reason: Error) => reason)
    expect(JSON.stringify([refusal, (refusal as Error).message, (refusal as Error).stack])).not.toContain(secret)
  })
})
