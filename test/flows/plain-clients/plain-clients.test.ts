/** Services that know nothing of us but the JWKS go on as they are, through rotations and revocations. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeProtectedHeader } from 'jose'
import { audience, post } from '../../harness/deployment.ts'
import { eventually } from '../../harness/eventually.ts'
import { type AddedClient, addApi, addClient } from '../../harness/people.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { type Services, startServices } from '../key-rotation/services.ts'
import { type Toolchain, toolchains } from './toolchains.ts'

const legacy = 'https://legacy.example'
const algorithmOf = { [audience]: 'ES256', [legacy]: 'RS256' } as const
type Audience = keyof typeof algorithmOf
/** How far the clocks of services in other languages are behind. */
const behindSeconds = 30

let provider: Provider
let service: AddedClient
let services: Services

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, audience, ['orders:read'])
  await provider.cli(['apis', 'add', legacy, '--alg', 'RS256'])
  service = await addClient(provider, { preset: 'service', apis: [audience, legacy] })
  // Their caches are as old as they may be: nobody asks anew without a reason.
  const audiences = { ES256: audience, RS256: legacy }
  services = await startServices({ issuer: provider.issuer, leadMs: 600_000, audiences })
}, 180_000)
afterAll(async () => {
  await services?.stop()
  await provider?.stop()
})

const tokenFor = async (resource: string): Promise<string> => {
  const { json } = await post(provider, '/token', service, { grant_type: 'client_credentials', resource })
  return String(json['access_token'])
}

interface PlainService {
  /** `ok`, or the name of what went wrong. */
  judge(token: string): Promise<string>
  stop(): Promise<void>
}

function foreign({ start: [program = '', ...first] }: Toolchain, forAudience: Audience): PlainService {
  const args = [
    `${provider.issuer}/jwks`,
    provider.issuer,
    forAudience,
    algorithmOf[forAudience],
    String(behindSeconds),
  ]
  const child = spawn(program, [...first, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    async judge(token) {
      child.stdin.write(`${token}\n`)
      const { value = 'gone' } = (await lines.next()) as { value?: string }
      return value.split(' ')[0] ?? ''
    },
    async stop() {
      child.stdin.end()
      await gone
    },
  }
}

/** jose, jwks-rsa and three more, in a process of their own. */
function node(services: Services, forAudience: Audience): PlainService {
  return {
    async judge(token) {
      const { failures } = await services.judge(token, algorithmOf[forAudience])
      return failures.length === 0 ? 'ok' : failures.join('; ')
    },
    stop: async () => {},
  }
}

async function goesOn(plain: PlainService, forAudience: Audience): Promise<void> {
  const before = await tokenFor(forAudience)
  expect(await plain.judge(before)).toBe('ok')

  await provider.cli(['keys', 'rotate', '--now', '--alg', algorithmOf[forAudience]])
  const { kid } = decodeProtectedHeader(before)
  const after = await eventually(async () => {
    const token = await tokenFor(forAudience)
    return decodeProtectedHeader(token).kid === kid ? undefined : token
  })
  expect(await plain.judge(after ?? '')).toBe('ok')
  expect(await plain.judge(before)).toBe('ok')

  // What is revoked runs out there, as a JWT does; what is not goes on.
  const revoked = await tokenFor(forAudience)
  expect((await post(provider, '/token/revocation', service, { token: revoked })).status).toBe(200)
  expect(await plain.judge(revoked)).toBe('ok')
  expect(await plain.judge(await tokenFor(forAudience))).toBe('ok')
  const [header, payload = ''] = after?.split('.') ?? []
  const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
  const other = forAudience === audience ? legacy : audience
  for (const bad of [`${header}.${payload}.${'A'.repeat(86)}`, `${unsigned}.${payload}.`, await tokenFor(other)]) {
    expect(await plain.judge(bad)).not.toBe('ok')
  }
}

describe.each(Object.keys(algorithmOf) as Audience[])(
  'a service for %s that knows nothing of revocations',
  (forAudience) => {
    test('keeps working with jose, jwks-rsa and other libraries through a rotation and a revocation', async () => {
      await goesOn(node(services, forAudience), forAudience)
    })

    for (const toolchain of Object.values(toolchains)) {
      const { library, isReady } = toolchain
      const where = isReady ? test : test.skip
      const why = isReady ? '' : ' (skipped: `npm run test:prepare` has not made it ready)'
      where(`keeps working with ${library}, 30 s behind, through a rotation and a revocation${why}`, async () => {
        const plain = foreign(toolchain, forAudience)
        try {
          await goesOn(plain, forAudience)
        } finally {
          await plain.stop()
        }
      })
    }
  },
)
