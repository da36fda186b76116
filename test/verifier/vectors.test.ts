/** The published test vectors, read as by any receiver. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from '@jest/globals'
import type { JWK } from 'jose'
import { systemClock } from '../../packages/verifier/src/clock.ts'
import { FeedKeys } from '../../packages/verifier/src/feed-keys.ts'
import { type Frame, isFault, readFrame } from '../../packages/verifier/src/frame.ts'
import { Freshness } from '../../packages/verifier/src/freshness.ts'
import { marksOf, revokedBy } from '../../packages/verifier/src/marks.ts'
import { findPlatform } from '../../packages/verifier/src/platform.ts'
import { RevocationList } from '../../packages/verifier/src/revocation-list.ts'
import { splitSnapshot, takeSnapshot } from '../../packages/verifier/src/snapshot.ts'
import { webPlatform } from '../../packages/verifier/src/web-platform.ts'

interface Vectors {
  issuer: string
  now: number
  pinned: string[]
  jwks: { keys: JWK[] }
  snapshot: { body: string; cursor: string; entries: number }
  frames: {
    what: string
    cursor_before: string
    cursor_after?: string
    jws: string
    fresh?: boolean
    hole?: boolean
    other_epoch?: boolean
  }[]
  refused: { what: string; jws: string }[]
  tokens: { cases: { what: string; header: { kid: string }; claims: Record<string, unknown>; void: boolean }[] }
}

const file = join(import.meta.dirname, '../../docs/revocation-feed-vectors.json')
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const clock = { ...systemClock, wallMs: () => vectors.now * 1000 }

describe.each([
  ['node:crypto', await findPlatform()],
  ['Web Crypto', webPlatform],
])('with %s', (_, platform) => {
  const keys = new FeedKeys({ pinned: vectors.pinned, published: async () => vectors.jwks.keys, platform, clock })
  const sender = { issuer: vectors.issuer, feed: `${vectors.issuer}/revocations`, keys }
  let list: RevocationList
  let freshness: Freshness

  beforeEach(async () => {
    freshness = new Freshness(clock, 300_000)
    list = new RevocationList(freshness, 1_000, () => undefined)
    const { manifest, content } = splitSnapshot(Buffer.from(vectors.snapshot.body))
    await takeSnapshot(manifest, content, { list, sender, platform })
  })

  const cursor = () => `${list.cursor?.epoch}.${list.cursor?.seq}`
  const startAt = (text: string) => {
    const [epoch = '', seq] = text.split('.')
    list.begin({ epoch, seq: Number(seq), salt: list.salts[0] ?? new Uint8Array() }, 0).finish()
  }
  const read = async (jws: string) => {
    const frame = await readFrame(jws, sender)
    if (isFault(frame)) throw new Error(frame)
    return frame
  }

  test('the snapshot is loaded', () => {
    expect([cursor(), list.revoked.size]).toEqual([vectors.snapshot.cursor, vectors.snapshot.entries])
  })

  test.each(vectors.frames)('frame: $what', async (vector) => {
    startAt(vector.cursor_before)
    const frame: Frame = await read(vector.jws)
    const effect = list.apply(frame)
    expect(effect === 'gap').toBe(vector.hole === true)
    expect(effect === 'epoch').toBe(vector.other_epoch === true)
    expect(cursor()).toBe(vector.cursor_after ?? vector.cursor_before)
    if (vector.fresh !== undefined) expect(effect === 'applied' && freshness.prove(frame.iat)).toBe(vector.fresh)
  })

  test.each(vectors.refused)('refused: $what', async ({ jws }) => {
    expect(isFault(await readFrame(jws, sender))).toBe(true)
  })

  test.each(vectors.tokens.cases)('token: $what', async ({ header, claims, void: isVoid }) => {
    list.apply(await read(vectors.frames[0]?.jws ?? ''))
    const marks = await marksOf(claims, header.kid, list.salts, platform)
    expect(revokedBy(marks, list.revoked) !== undefined).toBe(isVoid)
  })
})
