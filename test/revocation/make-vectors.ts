/**
 * Rewrites docs/revocation-feed-vectors.json: `node test/revocation/make-vectors.ts`. Keys and signatures differ each
 * time, the content does not.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { entryKey } from '../../src/revocation/entry-key.ts'
import { feedKeyFrom, newFeedSecret } from '../../src/revocation/feed-keys.ts'
import { signFrame, snapshotText } from '../../src/revocation/frames.ts'
import { type Entry, kinds } from '../../src/revocation/revocation.ts'

const issuer = 'https://id.example'
const now = 1_795_324_800
const salt = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
const epoch = '0f8c2a34-6f0e-4c5b-9d3e-2b1a7c8d9e0f'
const [current, next, stranger] = await Promise.all([1, 2, 3].map(async () => feedKeyFrom(await newFeedSecret())))
if (!current || !next || !stranger) throw new Error('no keys')

const entry = (kind: number, value: string, notBefore: number | null, exp = now + 660): Entry => ({
  kind,
  key: entryKey(salt, kind, value),
  notBefore,
  exp,
})
const seal = { issuer, key: current, nowSeconds: now }
const frame = (from: number, to: number, entries: Entry[], more = {}) =>
  signFrame({ epoch, from, to, jwks: 'v1', entries }, { ...seal, ...more })

const values: [number, string][] = [
  [kinds.jti, 'at-1'],
  [kinds.sid, 'session-1'],
  [kinds.grant, 'b1oYyZlMc2JyYW5kb20tMQ'],
  [kinds.sub, 'acc_00000000000000000000000000000001'],
  [kinds.client, 'shop'],
  [kinds.kid, 'key-1'],
  [kinds.issuer, issuer],
  [kinds.sub, 'Zoë ☃'],
]
const first = [entry(kinds.jti, 'at-1', null), entry(kinds.sub, 'acc_00000000000000000000000000000001', now - 100)]
const second = [entry(kinds.kid, 'key-1', null, now + 2_592_000), entry(kinds.client, 'shop', now - 50)]
const head = { epoch, salt, seq: 2, floor: 0 }
const base = {
  header: { alg: 'ES256', typ: 'at+jwt', kid: 'key-2' },
  claims: {
    iss: issuer,
    jti: 'at-9',
    sid: 'session-9',
    grant_id: 'grant-9',
    sub: 'acc_9',
    client_id: 'wiki',
    iat: now - 60,
    exp: now + 540,
  },
}
const token = (what: string, isVoid: boolean, claims = {}, header = {}) => ({
  what,
  header: { ...base.header, ...header },
  claims: { ...base.claims, ...claims },
  void: isVoid,
})
const payloadOf = (jws: string) =>
  JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')) as object
const good = frame(3, 4, second)
const [headerPart = '', payloadPart = '', signaturePart = ''] = good.split('.')
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const vectors = {
  about: 'docs/revocation-feed.md. Every time is in seconds; judge freshness as if it were `now`.',
  issuer,
  now,
  pinned: [current.kid, next.kid],
  jwks: { keys: [current.publicJwk, next.publicJwk] },
  keys: {
    salt: salt.toString('base64url'),
    cases: values.map(([kind, value]) => ({ kind, value, key: entryKey(salt, kind, value).toString('base64url') })),
  },
  snapshot: { body: snapshotText(head, first, seal), cursor: `${epoch}.2`, entries: 2 },
  frames: [
    {
      what: 'two entries',
      cursor_before: `${epoch}.2`,
      jws: good,
      payload: payloadOf(good),
      cursor_after: `${epoch}.4`,
    },
    { what: 'a heartbeat', cursor_before: `${epoch}.4`, jws: frame(5, 4, []), cursor_after: `${epoch}.4`, fresh: true },
    {
      what: 'signed by the next key',
      cursor_before: `${epoch}.4`,
      jws: frame(5, 4, [], { key: next }),
      cursor_after: `${epoch}.4`,
      fresh: true,
    },
    {
      what: 'an old one, replayed: nothing moves',
      cursor_before: `${epoch}.4`,
      jws: frame(1, 2, first),
      cursor_after: `${epoch}.4`,
      fresh: false,
    },
    {
      what: 'a heartbeat of a minute ago: in order, not fresh',
      cursor_before: `${epoch}.4`,
      jws: frame(5, 4, [], { nowSeconds: now - 60 }),
      cursor_after: `${epoch}.4`,
      fresh: false,
    },
    {
      what: 'overlapping what is known',
      cursor_before: `${epoch}.3`,
      jws: good,
      cursor_after: `${epoch}.4`,
      fresh: true,
    },
    {
      what: 'entries that expired before they were sent',
      cursor_before: `${epoch}.4`,
      jws: frame(5, 9, []),
      cursor_after: `${epoch}.9`,
      fresh: true,
    },
    {
      what: 'a hole: ask for the changes since the cursor',
      cursor_before: `${epoch}.2`,
      jws: frame(5, 4, []),
      hole: true,
    },
    {
      what: 'another epoch: load the snapshot, keep what is known',
      cursor_before: '11111111-2222-4333-8444-555555555555.4',
      jws: good,
      other_epoch: true,
    },
  ],
  refused: [
    { what: 'a key that is not pinned', jws: frame(3, 4, second, { key: stranger }) },
    {
      what: 'another key under the kid of a pinned one',
      jws: frame(3, 4, second, { key: { ...stranger, kid: current.kid } }),
    },
    { what: 'of another issuer', jws: frame(3, 4, second, { issuer: 'https://other.example' }) },
    {
      what: 'the claims changed after signing',
      jws: `${headerPart}.${encoded({ ...payloadOf(good), iat: now + 1 })}.${signaturePart}`,
    },
    { what: 'no signature', jws: `${encoded({ alg: 'none', typ: 'secevent+jwt', kid: current.kid })}.${payloadPart}.` },
    { what: 'cut short', jws: good.slice(0, -10) },
    { what: 'not a JWS', jws: 'event' },
  ],
  tokens: {
    about: 'Judged after the snapshot and the first frame above.',
    cases: [
      token('nothing names it', false),
      token('its jti', true, { jti: 'at-1' }),
      token('its person, issued before the cut-off', true, {
        sub: 'acc_00000000000000000000000000000001',
        iat: now - 101,
      }),
      token('its person, issued in the second of the cut-off', false, {
        sub: 'acc_00000000000000000000000000000001',
        iat: now - 100,
      }),
      token('its app, issued before the cut-off', true, { client_id: 'shop', iat: now - 51 }),
      token('its person spares it and its app does not', true, {
        sub: 'acc_00000000000000000000000000000001',
        client_id: 'shop',
        iat: now - 60,
      }),
      token('its app spares it and its person too', false, {
        sub: 'acc_00000000000000000000000000000001',
        client_id: 'shop',
        iat: now - 40,
      }),
      token('its key', true, {}, { kid: 'key-1' }),
      token('a kid that is only a claim', false, { kid: 'key-1' }),
      token('named, and without iat', true, { client_id: 'shop', iat: undefined }),
      token('a sid that looks like a revoked jti', false, { sid: 'at-1' }),
    ],
  },
}

writeFileSync(
  join(import.meta.dirname, '../../docs/revocation-feed-vectors.json'),
  `${JSON.stringify(vectors, undefined, 2)}\n`,
)
