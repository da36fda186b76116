import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { SignJWT } from 'jose'
import { systemClock } from '../../packages/verifier/src/clock.ts'
import { FeedKeys } from '../../packages/verifier/src/feed-keys.ts'
import { Freshness } from '../../packages/verifier/src/freshness.ts'
import { findPlatform } from '../../packages/verifier/src/platform.ts'
import { RevocationList } from '../../packages/verifier/src/revocation-list.ts'
import { splitSnapshot, takeSnapshot } from '../../packages/verifier/src/snapshot.ts'
import { newKey } from './stand-in-issuer.ts'

const issuer = 'https://id.example'
const feed = `${issuer}/revocations`
const platform = await findPlatform()
const key = await newKey('RS256')
const keys = new FeedKeys({ pinned: [key.kid], published: async () => [key.jwk], platform, clock: systemClock })

async function snapshotOf(entries: unknown[], layout = (content: object) => JSON.stringify(content)) {
  const epoch = randomUUID()
  const content = layout({ epoch, salt: randomBytes(16).toString('base64url'), seq: entries.length, entries })
  const sha256 = createHash('sha256').update(content).digest('base64url')
  const told = { epoch, seq: entries.length, count: entries.length, sha256 }
  const events = { 'urn:claviger:event:revocation-snapshot': told }
  const manifest = await new SignJWT({ iss: issuer, aud: feed, iat: 1, events })
    .setProtectedHeader({ alg: key.alg, typ: 'secevent+jwt', kid: key.kid })
    .sign(key.privateKey)
  return Buffer.from(`${JSON.stringify({ manifest })}\n${content}\n`)
}

function randomEntries(count: number): unknown[] {
  const exp = Math.floor(Date.now() / 1000) + 600
  const bytes = randomBytes(16 * count)
  return Array.from({ length: count }, (_, index) => [
    1,
    bytes.toString('base64url', 16 * index, 16 * index + 16),
    index % 2 ? null : exp,
    exp,
  ])
}

async function take(bytes: Buffer, maxEntries = 2_000_000) {
  const list = new RevocationList(new Freshness(systemClock, 300_000), maxEntries, () => undefined)
  const { manifest, content } = splitSnapshot(bytes)
  await takeSnapshot(manifest, content, { list, sender: { issuer, feed, keys }, platform })
  return list
}

test.each([0, 1, 2, 4_999, 5_000, 5_001, 20_000])('a snapshot of %i entries is loaded completely', async (count) => {
  const list = await take(await snapshotOf(randomEntries(count)))
  expect([list.revoked.size, list.isComplete]).toEqual([count, true])
})

test.each([
  ['with spaces', (content: object) => JSON.stringify(content, null, 1).replaceAll('\n', ' ')],
  ['in another order', (content: object) => JSON.stringify(Object.fromEntries(Object.entries(content).reverse()))],
  [
    'with members that nobody knows',
    (content: object) => JSON.stringify({ later: [[1]], ...content, more: ['entries'] }),
  ],
])('a snapshot %s is loaded too', async (_, layout) => {
  const list = await take(await snapshotOf(randomEntries(12_000), layout))
  expect(list.revoked.size).toBe(12_000)
})

test('a million entries are loaded without blocking requests', async () => {
  const bytes = await snapshotOf(randomEntries(1_000_000))
  let turns = 0
  const counting = setInterval(() => {
    turns += 1
  }, 1)
  const list = await take(bytes)
  clearInterval(counting)
  expect([list.revoked.size, list.isComplete]).toEqual([1_000_000, true])
  expect(turns).toBeGreaterThan(20)
}, 90_000)

test('a snapshot with more entries than maxEntries leaves the list incomplete', async () => {
  const list = await take(await snapshotOf(randomEntries(1_001)), 1_000)
  expect([list.revoked.size, list.isComplete]).toEqual([1_000, false])
})
