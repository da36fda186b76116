import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { calculateJwkThumbprint, compactVerify, createLocalJWKSet, type JWK } from 'jose'
import { CutOffs } from '../../src/revocation/cut-offs.ts'
import { entryKey } from '../../src/revocation/entry-key.ts'
import { frameEvent, type WireEntry } from '../../src/revocation/frames.ts'
import { marksOf } from '../../src/revocation/revocation.ts'

interface Vectors {
  issuer: string
  pinned: string[]
  jwks: { keys: JWK[] }
  keys: { salt: string; cases: { kind: number; value: string; key: string }[] }
  snapshot: { body: string; cursor: string; entries: number }
  frames: { what: string; jws: string }[]
  refused: { what: string; jws: string }[]
  tokens: { cases: { what: string; header: { kid: string }; claims: Record<string, unknown>; void: boolean }[] }
}

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../docs/revocation-feed-vectors.json'), 'utf8'),
) as Vectors
const salt = Buffer.from(vectors.keys.salt, 'base64url')

async function opened(jws: string): Promise<Record<string, unknown>> {
  const { payload, protectedHeader } = await compactVerify(jws, createLocalJWKSet(vectors.jwks), {
    algorithms: ['RS256'],
  })
  expect(protectedHeader.typ).toBe('secevent+jwt')
  const claims = JSON.parse(Buffer.from(payload).toString('utf8')) as Record<string, unknown>
  if (claims['iss'] !== vectors.issuer) throw new Error('of another issuer')
  return claims
}

const entriesIn = (list: WireEntry[]) =>
  list.map(([kind, key, notBefore, exp]) => ({ kind, key: Buffer.from(key, 'base64url'), notBefore, exp }))

describe('the published test vectors', () => {
  test('name their keys by thumbprint', async () => {
    expect(await Promise.all(vectors.jwks.keys.map((key) => calculateJwkThumbprint(key)))).toEqual(vectors.pinned)
  })

  test.each(vectors.keys.cases)(
    'give the key of kind $kind, $value, that this implementation computes',
    ({ kind, value, key }) => {
      expect(entryKey(salt, kind, value).toString('base64url')).toBe(key)
    },
  )

  test.each(vectors.frames)('have a frame that verifies: $what', async ({ jws }) => {
    await expect(opened(jws)).resolves.toHaveProperty('events')
  })

  test.each(vectors.refused)('have a frame to refuse: $what', async ({ jws }) => {
    await expect(opened(jws)).rejects.toThrow()
  })

  test.each(vectors.tokens.cases)(
    'have the verdict of this implementation: $what',
    async ({ header, claims, void: isVoid }) => {
      const content = JSON.parse(vectors.snapshot.body.split('\n')[1] ?? '') as { entries: WireEntry[] }
      const first = await opened(vectors.frames[0]?.jws ?? '')
      const { entries } = (first['events'] as Record<string, { entries: WireEntry[] }>)[frameEvent] ?? { entries: [] }
      const cutOffs = new CutOffs(salt)
      for (const entry of entriesIn([...content.entries, ...entries])) cutOffs.add(entry)
      expect(cutOffs.voids(marksOf(claims, header.kid))).toBe(isVoid)
    },
  )
})
