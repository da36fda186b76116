/** The keys that sign the feed rotate by a command, and services that pinned the present and the next one go on. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { createVerifier, type Verifier } from '../../../packages/verifier/src/verifier.ts'
import { eventually } from '../../harness/eventually.ts'
import { type AddedClient, addClient } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { discover } from './feed-reader.ts'

const audience = 'https://orders.example'
const rotation = ['secrets', 'rotate', '--yes', '--feed', '--now'] as const

let provider: Provider
let credentials: Required<AddedClient>
let service: PlainClient
/** Thumbprints: what signs, and what is next. */
let atFirst: string[]
const verifiers: Verifier[] = []

const published = async () => (await discover(provider.issuer)).revocation_feed_jwks.keys.map(({ kid }) => kid ?? '')

async function follow(pinnedFeedKeys: readonly string[] | undefined): Promise<Verifier> {
  const auth = { clientId: credentials.client_id, clientSecret: credentials.client_secret }
  const verifier = await createVerifier({
    issuer: provider.issuer,
    audience,
    revocation: { auth, ...(pinnedFeedKeys && { pinnedFeedKeys }) },
  })
  verifiers.push(verifier)
  return verifier
}

async function newToken(): Promise<string> {
  const { json } = await service.token({ grant_type: 'client_credentials' })
  return String(json['access_token'])
}

const judge = async (verifier: Verifier, token: string) =>
  (await verifier.verify({ method: 'GET', url: `${audience}/`, authorization: `Bearer ${token}` })).ok

beforeAll(async () => {
  provider = await startProvider()
  credentials = await provider.cli(['apis', 'add', audience, '--with-credentials'])
  const added = await addClient(provider, { preset: 'service', apis: [audience] })
  service = new PlainClient(added, { issuer: provider.issuer, redirectUri: '', port: () => provider.port })
  atFirst = await published()
}, 240_000)

afterAll(async () => {
  await Promise.all(verifiers.map((verifier) => verifier.close()))
  await provider?.stop()
})

describe('a rotation of the feed keys', () => {
  test('is refused while receivers may not have pinned the next one yet, and says from when on it is not', async () => {
    const { code, stderr } = await provider.command(['secrets', 'rotate', '--yes', '--feed'])
    expect([code, stderr]).toEqual([1, expect.stringContaining(atFirst[1] ?? '')])
    expect(stderr).toMatch(/may not sign before 20\d\d-/)
    expect(await published()).toEqual(atFirst)
  })

  test('goes by unnoticed where both keys are pinned: revocations still arrive, no frame is refused', async () => {
    const pinned = await follow(atFirst)
    const trusting = await follow(undefined)
    await Promise.all([pinned.ready(), trusting.ready()])
    const [before, after] = [await newToken(), await newToken()]
    const rotated = await provider.cli<{ current: string; next: string }>(rotation)
    expect(rotated.current).toBe(atFirst[1])
    const isPublished = await eventually(
      async () => (await published()).join() === `${rotated.current},${rotated.next}`,
    )
    expect(isPublished).toBe(true)
    expect(await judge(pinned, before)).toBe(true)
    await provider.cli(['tokens', 'revoke', '--yes', '--jti', String(decodeJwt(before).jti)])
    for (const verifier of [pinned, trusting]) {
      const isRefused = await eventually(async () => !(await judge(verifier, before)))
      expect(isRefused).toBe(true)
      expect(await judge(verifier, after)).toBe(true)
      expect(verifier.metrics()).toMatchObject({ framesRefused: 0, snapshots: 1 })
    }
  }, 60_000)

  test('leaves a service that starts with the old pins working, until the next one', async () => {
    const late = await follow(atFirst)
    await late.ready()
    expect(await judge(late, await newToken())).toBe(true)
    const [present = '', next = ''] = await published()
    await provider.cli(rotation)
    const repinned = await follow([present, next])
    await repinned.ready()
    expect(await judge(repinned, await newToken())).toBe(true)
    // Nothing that the new key signs counts where it is not pinned.
    const isDeaf = await eventually(() => late.metrics().framesRefused > 0, { tries: 600 })
    expect(isDeaf).toBe(true)
  }, 90_000)

  test('is told to the audit log by whoever asked for it', async () => {
    const events = await eventually(async () => {
      const found = await provider.cli<{ actor: string; detail: { kid: string } }[]>([
        'events',
        'list',
        '--kind',
        'feed-key.rotated',
      ])
      return found.length === 2 ? found : undefined
    })
    expect(events?.map(({ actor }) => actor.startsWith('cli:'))).toEqual([true, true])
    expect(events?.map(({ detail }) => detail.kid)).toContain(atFirst[1])
  })
})
