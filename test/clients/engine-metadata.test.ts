import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import Provider, { type Adapter } from 'oidc-provider'
import { digestOfSecret, withFreshSecret } from '../../src/clients/client-secret.ts'
import { engineMetadata } from '../../src/clients/engine-metadata.ts'
import type { ClientInput } from '../../src/clients/new-client.ts'
import { newClient } from '../../src/clients/new-client.ts'
import { signingAlgs } from '../../src/clients/signing-algs.ts'
import { client, created, examples, ownSecret } from './clients.ts'

const serverKeys = [
  generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  generateKeyPairSync('rsa', { modulusLength: 2048 }),
  generateKeyPairSync('ed25519'),
  generateKeyPairSync('ml-dsa-65'),
].map((pair) => pair.privateKey.export({ format: 'jwk' }))

/** Holds one client and nothing else; how the product hands clients over, too. */
const adapterWith = (metadata: Record<string, unknown>) => () =>
  ({ find: async (id: string) => (id === metadata.client_id ? metadata : undefined) }) as unknown as Adapter

/** The real engine with one client; throws what the engine says against it. */
async function engineClient(metadata: Record<string, unknown>) {
  const provider = new Provider('http://localhost:9400', {
    adapter: adapterWith(metadata),
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: { idTokenSigningAlgValues: [...signingAlgs] },
    features: {
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      dPoP: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      devInteractions: { enabled: false },
    },
    cookies: { keys: ['only for this test'] },
    // The engine allows an ID token algorithm only while it holds a key for it.
    jwks: { keys: serverKeys } as never,
  })
  return provider.Client.find(String(metadata.client_id))
}

const jwks = {
  keys: [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }) as Record<string, unknown>,
  ],
}
const everything = {
  startUri: 'https://app.example/start',
  logoUri: 'https://app.example/logo.png',
  policyUri: 'https://app.example/p',
  tosUri: 'https://app.example/t',
}

describe('the engine accepts every client that is accepted here', () => {
  test.each([
    ...Object.entries(examples),
    [
      'spa with all there is',
      {
        ...examples.spa,
        ...everything,
        firstParty: true,
        dpopBound: true,
        requirePar: true,
        origins: ['https://b.example'],
      },
    ],
    [
      'spa on loopback',
      { ...examples.spa, redirectUris: ['http://localhost:5173/cb'], startUri: 'http://localhost:5173/' },
    ],
    ['web by post, without PKCE', { ...examples.web, tokenEndpointAuthMethod: 'client_secret_post', pkce: 'optional' }],
    ['web by keys', { ...examples.web, tokenEndpointAuthMethod: 'private_key_jwt', jwks }],
    [
      'service by the address of its keys',
      { ...examples.service, tokenEndpointAuthMethod: 'private_key_jwt', jwksUri: 'https://nightly.example/jwks' },
    ],
    ...signingAlgs.map((idTokenAlg) => [`spa with ${idTokenAlg}`, { ...examples.spa, idTokenAlg }] as const),
  ] as [string, ClientInput][])('accepted: %s', async (_title, input) => {
    const { client: made } = withFreshSecret(newClient(input))
    const found = await engineClient(engineMetadata({ ...made, ...created }))
    expect(found?.clientId).toBe(made.id)
  })

  test('a client without its secret is still valid, and accepts no secret', async () => {
    const found = await engineClient(engineMetadata(client(examples.web)))
    expect(found?.clientSecret).toBe('sha256:none')
  })
})

test('the engine never gets a secret, only its digest', () => {
  const secret = ownSecret
  const metadata = engineMetadata(client({ ...examples.web, secret }))
  expect(JSON.stringify(metadata)).not.toContain(secret)
  expect(metadata.client_secret).toBe(`sha256:${Buffer.from(digestOfSecret(secret)).toString('base64url')}`)
})

test("equal clients give equal metadata, so that the engine's own cache holds", () => {
  const made = client({ ...examples.web, secret: ownSecret })
  expect(JSON.stringify(engineMetadata({ ...made }))).toBe(JSON.stringify(engineMetadata(made)))
})

test('there is no implicit, hybrid or password grant in any preset', () => {
  for (const input of Object.values(examples)) {
    const { grant_types, response_types } = engineMetadata(client(input))
    expect(grant_types).not.toEqual(expect.arrayContaining([expect.stringMatching(/implicit|password/)]))
    expect([[], ['code']]).toContainEqual(response_types)
  }
})
