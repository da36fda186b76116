/** Every operation on the real database: one audit entry in one transaction. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { performOn } from '../../src/desk/operations.ts'
import type { AuditEntry } from '../../src/events/events.ts'
import { createAdmin } from '../../src/operations/admins/create.ts'
import { giveAdmin } from '../../src/operations/admins/give.ts'
import { resetAdmin } from '../../src/operations/admins/reset.ts'
import { createApi } from '../../src/operations/apis/create.ts'
import { createApiCredentials } from '../../src/operations/apis/credentials.ts'
import { removeApi } from '../../src/operations/apis/remove.ts'
import { updateApi } from '../../src/operations/apis/update.ts'
import { catalogue } from '../../src/operations/catalogue.ts'
import { createClient } from '../../src/operations/clients/create.ts'
import { removeClient } from '../../src/operations/clients/remove.ts'
import { rotateClientSecret } from '../../src/operations/clients/rotate-secret.ts'
import { updateClient } from '../../src/operations/clients/update.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { type PerformNeeds, perform, planOf } from '../../src/operations/operations.ts'
import { createPerson } from '../../src/operations/people/create.ts'
import { disablePerson } from '../../src/operations/people/disable.ts'
import { enablePerson } from '../../src/operations/people/enable.ts'
import { endPersonSessions } from '../../src/operations/people/end-sessions.ts'
import { removePerson } from '../../src/operations/people/remove.ts'
import { setPassword } from '../../src/operations/people/set-password.ts'
import { unlockPerson } from '../../src/operations/people/unlock.ts'
import { updatePerson } from '../../src/operations/people/update.ts'
import { endSession } from '../../src/operations/sessions/end.ts'
import { revokeSession } from '../../src/operations/sessions/revoke.ts'
import { removeStream } from '../../src/operations/streams/remove.ts'
import { revokeToken } from '../../src/operations/tokens/revoke.ts'
import { revokeAllTokens } from '../../src/operations/tokens/revoke-all.ts'
import { revokeClientTokens } from '../../src/operations/tokens/revoke-client.ts'
import { revokeOpaqueToken } from '../../src/operations/tokens/revoke-opaque.ts'
import { type Database, openDatabase } from '../../src/storage/connection/database.ts'
import { artifactModels } from '../../src/storage/protocol/artifact-models.ts'
import { freshDatabase } from '../harness/database.ts'

const host = { kind: 'host', user: 'root' } as const
const hash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'

let db: Database
let needs: PerformNeeds
const announced: AuditEntry[] = []

beforeAll(async () => {
  db = openDatabase({ url: (await freshDatabase()).url, poolSize: 5 })
  needs = performOn(db, (entry) => announced.push(entry))
}, 60_000)

afterAll(async () => {
  await db?.close()
})

let counter = 0
const next = () => {
  counter += 1
  return `n${counter}`
}

const addPerson = async () => {
  const { id } = await perform(needs, createPerson, { person: { email: `${next()}@example.org` }, hash }, host)
  return id
}
const addApi = async () => {
  const audience = `https://${next()}.example`
  await perform(needs, createApi, { api: { audience, scopes: ['read'] } }, host)
  return audience
}
const addClient = async () => {
  const client = { preset: 'service', name: next() }
  return (await perform(needs, createClient, { client }, host)).client.id
}
const addArtifact = async (model: number, payload: object, uid: string | null = null) => {
  const value = next()
  await db.query(
    `insert into artifacts (model, id, uid, account_id, payload, expires_at)
     values ($1, sha256(convert_to($2, 'UTF8')), $3, $4, $5, now() + interval '1 hour')`,
    [model, value, uid, (payload as { accountId?: string }).accountId ?? null, payload],
  )
  return value
}
const addSession = async () => {
  const uid = next()
  await addArtifact(artifactModels.Session, { accountId: await addPerson(), uid, loginTs: 1 }, uid)
  return uid
}
const addStream = async () => {
  const id = `${next()}`.padEnd(32, '0')
  await db.query(`insert into event_streams (id, client_id, method, cursor) values ($1, $2, 'poll', 0)`, [
    id,
    await addClient(),
  ])
  return id
}

interface Case {
  operation: Operation<never, unknown>
  /** Creates the target of the operation and returns its input. */
  input(): Promise<object>
}

const of = <Input>(operation: Operation<Input, unknown>, input: () => Promise<object>): Case => ({
  operation: operation as unknown as Operation<never, unknown>,
  input,
})

const cases: readonly Case[] = [
  of(createPerson, async () => ({ person: { email: `${next()}@example.org` }, hash })),
  of(disablePerson, async () => ({ id: await addPerson() })),
  of(enablePerson, async () => ({ id: await addPerson() })),
  of(endPersonSessions, async () => ({ id: await addPerson() })),
  of(removePerson, async () => ({ id: await addPerson() })),
  of(setPassword, async () => ({ id: await addPerson(), hash })),
  of(unlockPerson, async () => ({ id: await addPerson() })),
  of(createAdmin, async () => ({ person: { email: `${next()}@example.org` }, hash })),
  of(giveAdmin, async () => ({ id: await addPerson() })),
  of(createApi, async () => ({ api: { audience: `https://${next()}.example` } })),
  of(resetAdmin, async () => ({ id: await addPerson(), hash })),
  of(updatePerson, async () => ({ id: await addPerson(), changes: { name: 'Renamed' } })),
  of(updateApi, async () => ({ audience: await addApi(), changes: { addScopes: ['write'] } })),
  of(rotateClientSecret, async () => ({ client_id: await addClient(), overlap_seconds: 3_600 })),
  of(createApiCredentials, async () => ({ audience: await addApi() })),
  of(removeApi, async () => ({ audience: await addApi() })),
  of(createClient, async () => ({ client: { preset: 'service', name: next() } })),
  of(updateClient, async () => ({ client_id: await addClient(), changes: { name: 'Renamed' } })),
  of(removeClient, async () => ({ client_id: await addClient() })),
  of(endSession, async () => ({ id: await addSession() })),
  of(revokeSession, async () => ({ sid: await addSession() })),
  of(removeStream, async () => ({ id: await addStream() })),
  of(revokeToken, async () => ({ jti: next() })),
  of(revokeAllTokens, async () => ({ issuer: 'https://id.example' })),
  of(revokeClientTokens, async () => ({ client_id: await addClient() })),
  of(revokeOpaqueToken, async () => ({ token: await addArtifact(artifactModels.AccessToken, { clientId: 'x' }) })),
]

const table = cases.map((one) => [one.operation.name, one] as const)

const entries = async () => {
  const { rows } = await db.query<{ kind: string; actor: string }>('select kind, actor from events order by id')
  return rows
}

/** Every row that an operation could change, as text. */
async function state(): Promise<string> {
  const tables = [
    'accounts',
    'passwords',
    'clients',
    'client_apis',
    'apis',
    'artifacts',
    'revocations',
    'event_streams',
  ]
  const texts = await Promise.all(
    tables.map(async (name) => {
      const { rows } = await db.query<{ text: string }>(
        `select coalesce(string_agg(t::text, e'\\n' order by t::text), '') as text from ${name} t`,
      )
      return rows[0]?.text ?? ''
    }),
  )
  return texts.join('\n\n')
}

test('every operation of the catalogue has a case', () => {
  expect(cases.map(({ operation }) => operation.name).sort()).toEqual(catalogue.map(({ name }) => name).sort())
})

describe('an operation', () => {
  test.each(table)('%s writes exactly one audit entry, of a kind that it declares', async (_name, one) => {
    const input = await one.input()
    const before = (await entries()).length
    announced.length = 0
    await perform(needs, one.operation, input, host)
    const added = (await entries()).slice(before)
    expect(added).toHaveLength(1)
    expect(one.operation.records).toContain(added[0]?.kind)
    expect(added[0]?.actor).toBe('cli:root')
    expect(announced.map(({ kind }) => kind)).toEqual([added[0]?.kind])
  })

  test.each(table)('%s changes nothing when its audit entry cannot be written', async (_name, one) => {
    const input = await one.input()
    const before = await state()
    announced.length = 0
    await db.query(`create or replace function refuse_entry() returns trigger language plpgsql
      as $$ begin raise exception 'the audit log is full'; end $$`)
    await db.query('create trigger refuse before insert on events execute function refuse_entry()')
    try {
      await expect(perform(needs, one.operation, input, host)).rejects.toThrow('the audit log is full')
    } finally {
      await db.query('drop trigger refuse on events')
    }
    expect(await state()).toBe(before)
    expect(announced).toEqual([])
  })

  test.each(table)('%s plans without a change and without an audit entry', async (_name, one) => {
    const input = await one.input()
    const before = [await state(), await entries()]
    await planOf(needs, one.operation, input, host)
    expect([await state(), await entries()]).toEqual(before)
  })

  test.each(table)(
    '%s refuses malformed input and an actor without rights, and changes nothing',
    async (_name, one) => {
      const before = [await state(), await entries()]
      for (const input of [undefined, null, [], 'text', 7, {}, { unknown: 1 }, { id: 7 }, { id: 'x'.repeat(5_000) }]) {
        await expect(perform(needs, one.operation, input, host)).rejects.toMatchObject({ code: 'input_invalid' })
      }
      const input = await one.input()
      const prepared = [await state(), await entries()]
      await expect(perform(needs, one.operation, input, { kind: 'client', id: 'shop' })).rejects.toMatchObject({
        code: 'right_missing',
      })
      expect(before).toHaveLength(2)
      expect([await state(), await entries()]).toEqual(prepared)
    },
  )
})

test('createPerson adds no administrator when its input has isAdmin', async () => {
  const person = { email: `${next()}@example.org`, isAdmin: true }
  const account = await perform(needs, createPerson, { person }, host)
  expect(account.isAdmin).toBe(false)
})
