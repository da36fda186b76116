import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { jwksFaults } from '../../src/clients/client-jwks.ts'

const rsa = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })

test('public EC, OKP and RSA keys are accepted', () => {
  const okp = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  expect(
    jwksFaults({
      keys: [ec.publicKey.export({ format: 'jwk' }), okp, { ...rsa(2048), kid: 'a', alg: 'RS256', use: 'sig' }],
    }),
  ).toEqual([])
})

test.each([
  [
    'a private key is refused with the advice to replace it',
    ec.privateKey.export({ format: 'jwk' }),
    /private member "d".*replace/,
  ],
  ['a shared secret is refused', { kty: 'oct', k: 'AAAA' }, /private member "k"/],
  ['an unknown key type is refused', { kty: 'XYZ' }, /EC, OKP or RSA/],
  ['a key type named like an object method is refused', { kty: 'constructor' }, /EC, OKP or RSA/],
  ['a missing member is named', { kty: 'EC', crv: 'P-256', x: 'AA' }, /"y" is missing/],
  ['an RSA key under 2048 bits is refused', rsa(1024), /2048 bits/],
  ['an unknown curve is refused', { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' }, /"crv"/],
  ['an encryption key is refused', { ...ec.publicKey.export({ format: 'jwk' }), use: 'enc' }, /"use"/],
  ['what is no object is refused', 'key', /not an object/],
])('%s', (_title, key, fault) => expect(jwksFaults({ keys: [key] })).toEqual([expect.stringMatching(fault)]))

test.each([[undefined], ['{}'], [{}], [{ keys: {} }], [[]]])('%j is no key set', (jwks) => {
  expect(jwksFaults(jwks)).toEqual([expect.stringMatching(/JSON Web Key Set/)])
})
