/** Bound tokens are refused without their key or certificate. */
import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { clientCertificateOf, type Verifier, type VerifyRequest } from '../../packages/verifier/src/verifier.ts'
import { openStage, outcome, type Stage } from './stage.ts'

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

const url = 'https://orders.example/orders?page=2'
let stage: Stage
let verifier: Verifier
let key: Key
let jwk: JWK
let token: string

beforeAll(async () => {
  stage = await openStage()
  verifier = await stage.verifier({ revocation: undefined })
  await verifier.ready()
  const pair = await generateKeyPair('ES256', { extractable: true })
  key = pair.privateKey
  jwk = await exportJWK(pair.publicKey)
  token = await stage.issuer.token({ cnf: { jkt: await calculateJwkThumbprint(jwk) } })
})
afterAll(() => stage.close())

interface ProofParts {
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
  by?: Key
  of?: string
}

async function proof({ header = {}, claims = {}, by = key, of = token }: ProofParts = {}): Promise<string> {
  const ath = createHash('sha256').update(of).digest('base64url')
  const all = { htm: 'GET', htu: 'https://orders.example/orders', iat: stage.issuer.nowSeconds, jti: randomUUID(), ath }
  return new SignJWT({ ...all, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(by)
}

const request = (dpop?: string, more: VerifyRequest = {}): VerifyRequest => ({
  authorization: `DPoP ${token}`,
  method: 'GET',
  url,
  dpop,
  ...more,
})

async function reason(asked: VerifyRequest, by = verifier): Promise<string> {
  const verdict = await by.verify(asked)
  return verdict.ok ? 'accepted' : verdict.reason
}

describe('DPoP (RFC 9449)', () => {
  test('a bound token is accepted with each new proof', async () => {
    expect([await reason(request(await proof())), await reason(request(await proof()))]).toEqual([
      'accepted',
      'accepted',
    ])
  })

  test('a proof is accepted once', async () => {
    const once = await proof()
    expect([await reason(request(once)), await reason(request(once))]).toEqual(['accepted', 'bad_proof'])
    expect(stage.events.map(({ type }) => type)).toContain('proof-replayed')
  })

  test('a bound token is refused as a plain bearer token', async () => {
    const verdict = await verifier.verify({ authorization: `Bearer ${token}`, dpop: await proof(), method: 'GET', url })
    expect(verdict).toMatchObject({
      reason: 'binding',
      headers: { 'WWW-Authenticate': expect.stringMatching(/^DPoP .*algs=/) },
    })
  })

  test('an unbound token is refused under the DPoP scheme', async () => {
    const plain = await stage.issuer.token()
    expect(await reason({ ...request(await proof({ of: plain })), authorization: `DPoP ${plain}` })).toBe('binding')
  })

  test.each<[string, () => Promise<ProofParts>]>([
    ['for another method', async () => ({ claims: { htm: 'POST' } })],
    ['for another path', async () => ({ claims: { htu: 'https://orders.example/admin' } })],
    ['for another host', async () => ({ claims: { htu: 'https://other.example/orders' } })],
    ['without a URL', async () => ({ claims: { htu: undefined } })],
    ['for another token', async () => ({ of: 'other' })],
    ['older than maxAge', async () => ({ claims: { iat: stage.issuer.nowSeconds - 62 } })],
    ['dated ahead by more than maxAge', async () => ({ claims: { iat: stage.issuer.nowSeconds + 62 } })],
    ['without a jti', async () => ({ claims: { jti: undefined } })],
    ['of another type', async () => ({ header: { typ: 'JWT' } })],
    [
      'with another key',
      async () => {
        const other = await generateKeyPair('ES256', { extractable: true })
        return { header: { jwk: await exportJWK(other.publicKey) }, by: other.privateKey }
      },
    ],
    ['signed by another key', async () => ({ by: (await generateKeyPair('ES256')).privateKey })],
    ['that contains its private key', async () => ({ header: { jwk: await exportJWK(key) } })],
    ['without a key', async () => ({ header: { jwk: undefined } })],
  ])('a proof %s is refused', async (_, parts) => {
    const verdict = await verifier.verify(request(await proof(await parts())))
    expect(verdict).toMatchObject({ ok: false, reason: 'bad_proof', status: 401, error: 'invalid_dpop_proof' })
  })

  test.each([undefined, '', 'x', 'a.b.c', `${'A'.repeat(10_000)}.A.A`])(
    'the malformed proof %p is refused',
    async (text) => {
      expect(await reason(request(text))).toBe('bad_proof')
    },
  )

  test('with publicOrigin, a proof is compared with the URL that the client sees', async () => {
    const behind = await stage.verifier({ revocation: undefined, dpop: { publicOrigin: 'https://orders.example' } })
    await behind.ready()
    expect(await reason(request(await proof(), { url: 'http://10.0.0.7:3000/orders' }), behind)).toBe('accepted')
  })

  test('with nonceSecret, a proof needs a nonce, and any instance with the secret accepts it', async () => {
    const dpop = { nonceSecret: 'shared by all instances' }
    const [one, other] = [
      await stage.verifier({ revocation: undefined, dpop }),
      await stage.verifier({ revocation: undefined, dpop }),
    ]
    await Promise.all([one.ready(), other.ready()])
    const verdict = await one.verify(request(await proof()))
    expect(verdict).toMatchObject({ ok: false, error: 'use_dpop_nonce', headers: { 'DPoP-Nonce': expect.any(String) } })
    const nonce = verdict.ok ? '' : verdict.headers['DPoP-Nonce']
    expect(await reason(request(await proof({ claims: { nonce } })), other)).toBe('accepted')
    stage.clock.pass(121_000)
    expect(await reason(request(await proof({ claims: { nonce } })), other)).toBe('proof_nonce')
  })

  test('mode required refuses unbound tokens, and mode off refuses bound tokens', async () => {
    const [required, off] = [
      await stage.verifier({ revocation: undefined, dpop: 'required' }),
      await stage.verifier({ revocation: undefined, dpop: 'off' }),
    ]
    await Promise.all([required.ready(), off.ready()])
    expect(await outcome(required, await stage.issuer.token())).toBe('binding')
    expect(await reason(request(await proof()), required)).toBe('accepted')
    expect(await reason(request(await proof()), off)).toBe('binding')
    expect(await outcome(off, token)).toBe('binding')
  })

  test('proofs beyond maxProofs are answered with 503', async () => {
    const small = await stage.verifier({ revocation: undefined, dpop: { maxProofs: 2 } })
    await small.ready()
    const reasons: string[] = []
    for (let asked = 0; asked < 3; asked += 1) reasons.push(await reason(request(await proof()), small))
    expect(reasons).toEqual(['accepted', 'accepted', 'unavailable'])
    stage.clock.pass(250_000)
    expect(await reason(request(await proof()), small)).toBe('accepted')
  })
})

describe('mutual TLS (RFC 8705)', () => {
  const der = Buffer.from('stands for a certificate')
  const pem = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
  const x5t = createHash('sha256').update(der).digest('base64url')
  const ask = async (certificate: VerifyRequest['certificate'], by = verifier) =>
    reason({ authorization: `Bearer ${await stage.issuer.token({ cnf: { 'x5t#S256': x5t } })}`, certificate }, by)

  test('a bound token is accepted with its certificate in each supported form', async () => {
    expect([await ask(der), await ask(pem), await ask(() => der)]).toEqual(['accepted', 'accepted', 'accepted'])
    expect(await ask(clientCertificateOf(`:${der.toString('base64')}:`))).toBe('accepted')
  })

  test.each([
    ['without a certificate', undefined],
    ['with another one', Buffer.from('another')],
    ['with text that is no certificate', 'hello'],
    ['with an empty header', clientCertificateOf('')],
  ])('%s a bound token is refused', async (_, certificate) => {
    expect(await ask(certificate)).toBe('binding')
  })

  test('where certificates are required, an unbound token is refused', async () => {
    const strict = await stage.verifier({ revocation: undefined, mtls: { required: true } })
    await strict.ready()
    expect([await outcome(strict, await stage.issuer.token()), await ask(der, strict)]).toEqual(['binding', 'accepted'])
  })
})
