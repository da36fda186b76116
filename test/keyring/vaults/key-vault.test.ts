import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose'
import { SIGNING_ALGORITHMS } from '../../../src/keyring/cycle/algorithms.ts'
import { Envelope } from '../../../src/keyring/vaults/envelope.ts'
import { LocalKeyVault } from '../../../src/keyring/vaults/key-vault.ts'
import { rowOf } from '../sample-key.ts'

let vault: LocalKeyVault

beforeEach(async () => {
  const kek = randomBytes(32)
  vault = new LocalKeyVault(await Envelope.open(() => [kek]))
})

describe('the local vault', () => {
  test.each(SIGNING_ALGORITHMS)('makes a %s key that signs what its public half verifies', async (alg) => {
    const made = await vault.create(alg)
    const open = await vault.open(rowOf(made, alg))
    expect(open.publicJwk).toMatchObject({ kid: made.kid, alg, use: 'sig' })
    const protectedPart = Buffer.from(JSON.stringify({ alg })).toString('base64url')
    const payload = Buffer.from('what is signed').toString('base64url')
    const signature = Buffer.from(await open.sign(Buffer.from(`${protectedPart}.${payload}`))).toString('base64url')
    const key = await importJWK(made.publicJwk, alg)
    const verified = await compactVerify(`${protectedPart}.${payload}.${signature}`, key)
    expect(new TextDecoder().decode(verified.payload)).toBe('what is signed')
    expect(made.kid).toBe(await calculateJwkThumbprint(made.publicJwk))
  })

  test('publishes no private member', async () => {
    const { publicJwk } = await vault.create('RS256')
    expect(Object.keys(publicJwk).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })

  test('does not open a row whose public key was replaced', async () => {
    const [ours, theirs] = [await vault.create('ES256'), await vault.create('ES256')]
    const row = { ...rowOf(ours, 'ES256'), publicJwk: { ...theirs.publicJwk, kid: ours.kid } }
    await expect(vault.open(row)).rejects.toMatchObject({ code: 'signing_key_tampered' })
  })

  test('does not open a row with the private key of another', async () => {
    const [ours, theirs] = [await vault.create('ES256'), await vault.create('ES256')]
    const row = { ...rowOf(ours, 'ES256'), sealed: theirs.sealed.jwe }
    await expect(vault.open(row)).rejects.toMatchObject({ code: 'sealed_secret_damaged' })
  })
})
