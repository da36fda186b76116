/** Private keys in a process of their own, every algorithm switched on, and who has fetched which keys. */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { spawnClaviger } from '../../harness/cli.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { freePort } from '../../harness/free-port.ts'
import { type AddedClient, addClient } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'

const algorithms = ['ES256', 'RS256', 'PS256', 'ES384', 'EdDSA', 'ML-DSA-65']
const audienceOf = (algorithm: string) => `https://${algorithm.toLowerCase()}.example`
const kek = randomBytes(32).toString('base64url')

let database: TestDatabase
let rows: Rows
let socket: string
let signer: ChildProcess
let provider: Provider
let managementPort: number
let service: AddedClient

async function startSigner(): Promise<void> {
  // Of its own environment, and nothing of it in the server's.
  signer = spawnClaviger(['signer'], { CLAVIGER_SIGNER_SOCKET: socket, CLAVIGER_KEY_ENCRYPTION_KEY: kek })
  await once(signer.stderr as NodeJS.ReadableStream, 'data')
}

async function stopSigner(): Promise<void> {
  if (signer.exitCode !== null || signer.signalCode !== null) return
  const ended = once(signer, 'exit')
  signer.kill('SIGKILL')
  await ended
}

beforeAll(async () => {
  database = await freshDatabase()
  rows = await openRows(database.url)
  socket = join(await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'signer-')), 'signer.sock')
  await startSigner()
  managementPort = await freePort()
  for (const algorithm of algorithms) {
    await rows.query('insert into apis (audience, alg) values ($1, $2)', [audienceOf(algorithm), algorithm])
  }
  provider = await startProvider({
    database,
    env: {
      CLAVIGER_KEY_ENCRYPTION_KEY: '',
      CLAVIGER_SIGNER_SOCKET: socket,
      CLAVIGER_SIGNING_ALGORITHMS: 'ML-DSA-65,EdDSA,PS256,ES384',
      CLAVIGER_MANAGEMENT_PORT: String(managementPort),
    },
  })
  service = await addClient(provider, { preset: 'service', apis: algorithms.map(audienceOf) })
}, 60_000)

afterAll(async () => {
  await provider?.stop()
  await stopSigner()
  await rows?.close()
  await database?.drop()
})

const jwks = async () => (await (await fetch(provider.url('/jwks'))).json()) as JSONWebKeySet

const newToken = (algorithm: string) =>
  new PlainClient(service, { issuer: provider.issuer, redirectUri: '', port: () => provider.port }).token({
    grant_type: 'client_credentials',
    resource: audienceOf(algorithm),
  })

test('the key set lists classical keys first and ML-DSA last, two of each', async () => {
  const { keys } = await jwks()
  expect(keys.map(({ alg }) => alg)).toEqual(algorithms.flatMap((algorithm) => [algorithm, algorithm]))
})

describe('a signer in a process of its own', () => {
  test('holds the private keys and the key-encryption key; the process that faces the web has neither', async () => {
    const environment = await readFile(`/proc/${provider.pid}/environ`, 'utf8')
    expect(environment).not.toContain(kek)
    expect(environment).toContain(`CLAVIGER_SIGNER_SOCKET=${socket}`)
    const fingerprints = await rows.count('select count(distinct kek_fingerprint) from signing_keys')
    expect(fingerprints).toBe(1)
  })

  test.each(algorithms)('signs %s tokens that verify with the published keys', async (algorithm) => {
    const { status, json, text } = await newToken(algorithm)
    expect([status, status === 200 ? '' : text]).toEqual([200, ''])
    const token = String(json['access_token'])
    const { protectedHeader } = await jwtVerify(token, createLocalJWKSet(await jwks()), {
      audience: audienceOf(algorithm),
      issuer: provider.issuer,
    })
    expect(protectedHeader).toMatchObject({ alg: algorithm, typ: 'at+jwt' })
  })

  test('takes part in rotations: the running server goes over to its next key', async () => {
    const before = decodeProtectedHeader(String((await newToken('ES256')).json['access_token'])).kid
    await provider.cli(['keys', 'rotate', '--alg', 'ES256', '--now'])
    const after = await eventually(async () => {
      const { kid } = decodeProtectedHeader(String((await newToken('ES256')).json['access_token']))
      return kid === before ? undefined : kid
    })
    expect(after).toEqual(expect.any(String))
  })

  test('while it is away no token is issued and the key set is served on; when it is back everything goes on', async () => {
    await stopSigner()
    const refused = await newToken('ES256')
    expect(refused.status).toBeGreaterThanOrEqual(500)
    expect(refused.text).not.toMatch(/socket|signer\.sock/)
    expect((await jwks()).keys).not.toHaveLength(0)
    await startSigner()
    expect((await newToken('ES256')).status).toBe(200)
  })
})

describe('who has fetched which keys', () => {
  test('a verifier that says its name is counted for each key, in the schedule and in the metrics', async () => {
    const name = audienceOf('ES256')
    await fetch(provider.url(`/jwks?verifier=${encodeURIComponent(name)}`))
    await fetch(provider.url('/jwks?verifier=nobody-we-know'))
    const metrics = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text()
    expect(metrics).toMatch(/claviger_jwks_fetches_total\{verifier="named"\} 2/)
    expect(metrics).toMatch(/claviger_jwks_fetches_total\{verifier="anonymous"\} [1-9]/)
    expect(metrics).toMatch(/claviger_signing_key_age_seconds\{alg="ES256"\} \d/)
    expect(metrics).toMatch(/claviger_key_rotation_due_seconds\{alg="ES256"\} \d/)
    expect(metrics).toMatch(/claviger_http_requests_total\{route="jwks",status="200"\} \d/)
    const names = await eventually(
      async () => {
        const found = await rows.query<{ verifier: string }>('select distinct verifier from jwks_sightings order by 1')
        return found.length > 1 ? found.map(({ verifier }) => verifier) : undefined
      },
      { tries: 160 },
    )
    expect(names).toEqual(['', name])
    const { readiness } = await provider.cli<{ readiness: { state: string; verifiers: number; fetches: number }[] }>([
      'keys',
      'schedule',
    ])
    expect(readiness.filter(({ state }) => state !== 'retired')).toHaveLength(12)
    for (const { verifiers, fetches } of readiness) {
      expect(verifiers).toBe(1)
      expect(fetches).toBeGreaterThan(2)
    }
  })
})

test('an algorithm that is no longer configured is switched off: its key verifies on, nothing is signed with it', async () => {
  const configured = await provider.command(['keys', 'switch-off', 'EdDSA'])
  expect([configured.code, configured.stderr]).toEqual([1, expect.stringContaining('still switched on')])
  const token = String((await newToken('EdDSA')).json['access_token'])
  await provider.kill()
  // On a port and under an issuer of its own again.
  const { CLAVIGER_PORT: _, CLAVIGER_ISSUER: __, ...env } = provider.env
  provider = await startProvider({ database, env: { ...env, CLAVIGER_SIGNING_ALGORITHMS: 'ML-DSA-65,PS256,ES384' } })
  await provider.cli(['keys', 'switch-off', 'EdDSA'])
  const gone = await eventually(async () => (await newToken('EdDSA')).status !== 200)
  expect(gone).toBe(true)
  await expect(
    jwtVerify(token, createLocalJWKSet(await jwks()), { audience: audienceOf('EdDSA') }),
  ).resolves.toBeDefined()
})
