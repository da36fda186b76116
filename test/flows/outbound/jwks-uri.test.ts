/** A client's keys are fetched from where its owner said they are, and from nowhere that only we can reach. */
import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { addApi, addClient } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'

const api = 'https://orders.example'

let key: CryptoKey
let keys: Server
const asked: string[] = []

beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true })
  key = pair.privateKey
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  keys = createServer((request, response) => {
    asked.push(String(request.url))
    if (request.url === '/moved') return void response.writeHead(302, { location: '/jwks' }).end()
    if (request.url === '/endless') return void pour(response)
    response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(JSON.stringify({ keys: [jwk] }))
  })
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve))
}, 120_000)

afterAll(async () => {
  keys.closeAllConnections()
  await new Promise((resolve) => keys.close(resolve))
})

function pour(response: { write(chunk: Buffer): boolean; once(event: 'drain', then: () => void): unknown }): void {
  while (response.write(Buffer.alloc(65_536, ' ')));
  response.once('drain', () => pour(response))
}

const place = () => `http://127.0.0.1:${(keys.address() as AddressInfo).port}`

async function addService(provider: Provider, path: string): Promise<PlainClient> {
  const more = ['--token-endpoint-auth-method', 'private_key_jwt', '--jwks-uri', `${place()}${path}`]
  const added = await addClient(provider, { preset: 'service', apis: [api], more })
  return new PlainClient(added, { issuer: provider.issuer, port: () => provider.port, redirectUri: '' })
}

async function tokenFor(
  service: PlainClient,
  issuer: string,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const assertion = await new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setIssuer(service.id)
    .setSubject(service.id)
    .setAudience(issuer)
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(key)
  return service.token({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  })
}

describe('on a developer’s machine', () => {
  let provider: Provider

  beforeAll(async () => {
    provider = await startProvider()
    await addApi(provider, api)
  }, 120_000)
  afterAll(() => provider?.stop())

  test('an app beside the provider is asked, and its tokens are signed for', async () => {
    expect((await tokenFor(await addService(provider, '/jwks'), provider.issuer)).status).toBe(200)
    expect(asked).toContain('/jwks')
  })

  test.each(['/moved', '/endless'])('%s leads to no keys, to no fault of ours, and no further', async (path) => {
    const before = asked.length
    const { status, json } = await tokenFor(await addService(provider, path), provider.issuer)
    expect([status, json['error']]).toEqual([expect.any(Number), expect.stringMatching(/^invalid_client/)])
    expect(status).toBeLessThan(500)
    expect(asked.slice(before)).toEqual([path])
  })
})

test('elsewhere an address that only we can reach is never asked, and the log says how to allow it', async () => {
  const provider = await startProvider({ env: { CLAVIGER_ISSUER: 'https://id.example' } })
  try {
    await addApi(provider, api)
    const before = asked.length
    const { status, json } = await tokenFor(await addService(provider, '/jwks'), provider.issuer)
    expect([status, json['error']]).toEqual([expect.any(Number), expect.stringMatching(/^invalid_client/)])
    expect(status).toBeLessThan(500)
    expect(JSON.stringify(json)).not.toContain('127.0.0.1')
    expect(asked).toHaveLength(before)
    expect(await eventually(() => provider.log().includes('CLAVIGER_OUTBOUND_ALLOWED') || undefined)).toBe(true)
  } finally {
    await provider.stop()
  }
}, 120_000)
