/** How much Postgres reads for what a request asks, when there is far more than when the plan was made. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Client } from 'pg'
import { connectDirectly, type Database } from '../../src/storage/connection/database.ts'
import { artifactModels } from '../../src/storage/protocol/artifact-models.ts'
import { PostgresModelStore } from '../../src/storage/protocol/model-store.ts'
import { freshDatabase } from '../harness/database.ts'

let client: Client
let store: PostgresModelStore

beforeEach(async () => {
  client = await connectDirectly({ url: (await freshDatabase()).url })
  // One connection, so that its plans are the ones that the look-ups meet.
  const query = client.query.bind(client)
  store = new PostgresModelStore({ query, lookUp: query } as unknown as Database)
})

afterEach(() => client.end())

/** Each with a session, a grant and a refresh token. */
const signIns = (from: number, to: number) =>
  client.query(
    `insert into artifacts (model, id, payload, grant_id, uid, expires_at)
     select model, sha256(convert_to(id, 'UTF8')), payload, grant_id, uid, now() + interval '1 hour'
       from generate_series($1::int, $2::int) n, lateral (values
            (${artifactModels.Session}, 'session' || n, null, 'uid' || n,
             jsonb_build_object('authorizations', jsonb_build_object('app', jsonb_build_object('grantId', 'grant' || n)))),
            (${artifactModels.Grant}, 'grant' || n, 'grant' || n, null, '{}'),
            (${artifactModels.RefreshToken}, 'token' || n, 'grant' || n, null, jsonb_build_object('sessionUid', 'uid' || n)))
         as artifact(model, id, grant_id, uid, payload)`,
    [from, to],
  )

/** Rows of artifacts that this connection has touched so far and not told of yet. */
async function rowsRead(): Promise<number> {
  const { rows } = await client.query<{ read: string }>(
    `select seq_tup_read + idx_tup_fetch as read from pg_stat_xact_user_tables where relname = 'artifacts'`,
  )
  return Number(rows[0]?.read)
}

/** In one transaction: at the end of one the counts may be told and begin anew. */
async function rowsReadBy(work: () => Promise<unknown>): Promise<number> {
  await client.query('begin')
  const before = await rowsRead()
  await work()
  const after = await rowsRead()
  await client.query('commit')
  return after - before
}

const half = createHash('sha256').update('grant7').digest().subarray(0, 16).toString('base64url')
const lookUps: [string, number, () => Promise<unknown>][] = [
  ['a session, with its grants', 2, () => store.find('Session', 'session7', 0)],
  ['a session by its uid, with its grants', 2, () => store.findSessionByUid('uid7')],
  ['a token, with its grant and its session', 3, () => store.find('RefreshToken', 'token7', 0)],
  ['a grant', 1, () => store.find('Grant', 'grant7', 0)],
  ['how a token stands, by the half of its grant that it bears', 1, () => store.findTokenStatus({ grant: half })],
]

const beginnings = [
  { when: 'unknown', prepare: () => signIns(1, 10) },
  { when: 'known', prepare: () => signIns(1, 300).then(() => client.query('analyze artifacts')) },
]

const cases = beginnings.flatMap(({ when, prepare }) =>
  lookUps.map(([what, expected, lookUp]) => ({ what, expected, lookUp, when, prepare })),
)

test.each(cases)('$what: $expected rows are read, however many there are ($when at first)', async (each) => {
  const { expected, lookUp, prepare } = each
  await prepare()
  // A prepared statement gets its lasting plan with the sixth question.
  for (let index = 0; index < 8; index += 1) expect(await lookUp()).toBeDefined()
  await signIns(301, 6000)
  expect(await rowsReadBy(lookUp)).toBe(expected)
})

test('what is spent, kept, destroyed and revoked at once is found by its keys, however much there is', async () => {
  const nothing = { upserts: [], consumes: [], destroys: [], revokedGrants: [] }
  const commit = (from: number) =>
    store.commit({
      ...nothing,
      consumes: [from, from + 1].map((n) => ({ model: 'RefreshToken' as const, id: `token${n}`, graceSeconds: 0 })),
      destroys: [{ model: 'Session', id: `session${from}` }],
      revokedGrants: [`grant${from + 2}`],
    })
  await signIns(1, 300)
  await client.query('analyze artifacts')
  for (let index = 0; index < 8; index += 1) expect(await commit(1 + 3 * index)).toBe(true)
  await signIns(301, 6000)
  expect(await rowsReadBy(() => commit(100))).toBeLessThan(20)
})
