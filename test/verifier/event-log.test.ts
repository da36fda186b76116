/** What a verifier logs by itself, and what it never logs. */
import { describe, expect, test } from '@jest/globals'
import { eventLog } from '../../packages/verifier/src/event-log.ts'
import type { VerifierEvent } from '../../packages/verifier/src/telemetry.ts'
import { createVerifier } from '../../packages/verifier/src/verifier.ts'
import { BadAnswer } from '../../packages/verifier/src/web-requests.ts'
import { eventually } from '../harness/eventually.ts'

const issuer = 'https://id.example'
const feed = `${issuer}/revocations/stream`

function logOf() {
  let now = 0
  const lines: string[] = []
  const clock = { monotonicMs: () => now, wallMs: () => now, random: () => 0 } as Parameters<typeof eventLog>[1]
  const tell = eventLog(issuer, clock, (line) => lines.push(line))
  return { lines, tell, wait: (ms: number) => (now += ms) }
}

const failure = (error: unknown): VerifierEvent => ({ type: 'failure', what: 'feed', error })

describe('the log of a verifier without a listener', () => {
  test.each<[string, VerifierEvent, string]>([
    [
      'that its credentials are wrong, and the command that makes new ones',
      failure(new BadAnswer(feed, new Response(null, { status: 401 }))),
      `The revocation feed cannot be followed: ${feed} answered 401: the credentials are wrong. Create new ones with 'claviger apis credentials <audience>'.`,
    ],
    [
      'that its credentials lack the scope of the feed',
      failure(new BadAnswer(feed, new Response(null, { status: 403 }))),
      `The revocation feed cannot be followed: ${feed} answered 403: the credentials lack the scope revocation.read.`,
    ],
    [
      'why the connection failed',
      failure(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })),
      'The revocation feed cannot be followed: fetch failed (ECONNREFUSED).',
    ],
    [
      'that requests are answered with 503, when the feed is BLIND',
      { type: 'state', from: 'STALE', to: 'BLIND', ageMs: 300_000 },
      'The revocation feed is BLIND. Requests are answered with 503 until the feed is received again.',
    ],
    [
      'that the feed is followed again',
      { type: 'state', from: 'STALE', to: 'FRESH', ageMs: 0 },
      'The revocation feed is FRESH. Revoked tokens are rejected within a second.',
    ],
  ])('has a line for: %s', (_what, event, sentence) => {
    const { lines, tell } = logOf()
    tell(event)
    expect(lines).toEqual([`[claviger] ${issuer}: ${sentence}`])
  })

  test('has the same reason once a minute, and at once after a recovery', () => {
    const { lines, tell, wait } = logOf()
    const event = failure(new Error('the line is dead'))
    for (let tries = 0; tries < 100; tries += 1) tell(event)
    expect(lines).toHaveLength(1)
    wait(60_000)
    tell(event)
    expect(lines).toHaveLength(2)
    tell({ type: 'state', from: 'STALE', to: 'FRESH', ageMs: 0 })
    tell(event)
    expect(lines).toHaveLength(4)
  })

  test('has no token and no claim of a revoked token', () => {
    const { lines, tell } = logOf()
    tell({ type: 'revoked', by: 'token', claims: { sub: 'acc_1' } })
    tell({ type: 'proof-replayed', claims: { sub: 'acc_1' } })
    expect(lines).toEqual([])
  })
})

test('a verifier with an unreachable issuer logs the reason without its secret', async () => {
  const lines: string[] = []
  const verifier = await createVerifier({
    issuer: 'http://127.0.0.1:1',
    audience: 'https://orders.example',
    revocation: { auth: { clientId: 'orders', clientSecret: 'a very secret word' } },
    log: (line) => lines.push(line),
  })
  expect(await eventually(async () => lines.length > 0 || undefined)).toBe(true)
  await verifier.close()
  expect(lines.join('\n')).toContain('cannot be')
  expect(lines.join('\n')).not.toContain('a very secret word')
})
