import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { CompactSign, compactVerify, exportJWK, generateKeyPair } from 'jose'
import { SIGNING_ALGORITHMS } from '../../../src/keyring/cycle/algorithms.ts'
import { signingWith } from '../../../src/keyring/live/local-signing.ts'

describe('a signature made in this process', () => {
  test.each(SIGNING_ALGORITHMS)('with %s verifies with a JOSE library', async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    const sign = signingWith(await exportJWK(privateKey), alg)
    const signed = await new CompactSign(Buffer.from('what is said')).setProtectedHeader({ alg }).sign(privateKey)
    const text = signed.slice(0, signed.lastIndexOf('.'))
    const signature = await sign(Buffer.from(text))
    const { payload } = await compactVerify(`${text}.${Buffer.from(signature).toString('base64url')}`, publicKey)
    expect(Buffer.from(payload).toString()).toBe('what is said')
  })

  test('with ES256 has two numbers of 32 bytes each, also when a number is shorter', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const { d, ...publicJwk } = await exportJWK(privateKey)
    const sign = signingWith({ ...publicJwk, d }, 'ES256')
    const key = createPublicKey({ key: publicJwk as JsonWebKey, format: 'jwk' })
    let short = 0
    // One number in 256 is a byte shorter, so about thirty of four thousand signatures contain such a number.
    for (let index = 0; index < 4_000; index += 1) {
      const data = Buffer.from(`message ${index}`)
      const signature = await sign(data)
      expect(signature).toHaveLength(64)
      if (signature[0] === 0 || signature[32] === 0) short += 1
      expect(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
    }
    expect(short).toBeGreaterThan(0)
  })
})
