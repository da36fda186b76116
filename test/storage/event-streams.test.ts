/** The journal of security events in Postgres: what writes it, in which order it is numbered, and when it is cleared. */
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { newAccountId } from '../../src/accounts/account.ts'
import { progress, windowSize } from '../../src/signals/delivery.ts'
import type { StreamEvent } from '../../src/signals/signals.ts'
import { Transmitter } from '../../src/signals/transmitter.ts'
import { connectDirectly, type Database, openDatabase } from '../../src/storage/connection/database.ts'
import { PostgresAccountStore } from '../../src/storage/people/account-store.ts'
import { PostgresPasswordStore } from '../../src/storage/people/password-store.ts'
import { PostgresStreamJournal } from '../../src/storage/signals/stream-journal.ts'
import { PostgresStreamStore } from '../../src/storage/signals/stream-store.ts'
import { freshDatabase } from '../harness/database.ts'

let db: Database
let url: string
let store: PostgresStreamStore
let journal: PostgresStreamJournal

beforeAll(async () => {
  ;({ url } = await freshDatabase())
  db = openDatabase({ url, poolSize: 24 })
  await db.query(`insert into clients (id, name, preset) values ('siem', 'SIEM', 'service')`)
})
afterAll(() => db.close())
beforeEach(async () => {
  await db.query('delete from event_streams')
  await db.query('delete from security_events')
  await db.query('update security_event_heads set seq = 0')
  store = new PostgresStreamStore(db)
  journal = new PostgresStreamJournal(db)
})

const settings = { delivery: { method: 'poll' }, eventsRequested: undefined, description: undefined } as const
const make = (id = 'stream') => store.insert(id, 'siem', settings)
const revoke = (name: string) => `insert into revocations (kind, value, cause) values (1, '${name}', 'token.revoked')`
const issuer = 'https://id.example'
/** All that follows the cursor, as a receiver would have it. */
async function follow(id: string, of = journal): Promise<StreamEvent[]> {
  await of.advance()
  const { events } = await of.look(id, windowSize)
  const received = events.map(({ seq }) => seq)
  await of.moveOn(id, windowSize, (window) => progress(window.stream, window.events, received, issuer))
  return [...events]
}

describe('the journal', () => {
  test('is not written while nobody listens', async () => {
    await db.query(revoke('unheard'))
    expect((await db.query('select from security_events')).rowCount).toBe(0)
  })

  test('skips nothing, with 16 writers, 3 racing nodes and a transaction that stays open', async () => {
    await make()
    const late = await connectDirectly({ url })
    await late.query('begin')
    await late.query(revoke('late'))
    let isOver = false
    const seen: StreamEvent[] = []
    const numbering = [1, 2, 3].map(async () => {
      while (!isOver) {
        await journal.advance()
        await wait(Math.random() * 5)
      }
    })
    const reading = (async () => {
      while (!isOver) seen.push(...(await follow('stream')))
    })()
    const names = Array.from({ length: 16 }, (_, writer) => Array.from({ length: 12 }, (__, n) => `${writer}-${n}`))
    await Promise.all(
      names.map(async (own) => {
        for (const name of own) await db.query(revoke(name))
      }),
    )
    await late.query('commit')
    await late.end()
    isOver = true
    await Promise.all([...numbering, reading])
    seen.push(...(await follow('stream')))
    expect(seen.map(({ value }) => value).sort()).toEqual([...names.flat(), 'late'].sort())
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1))
    for (const own of names) {
      expect(seen.map(({ value }) => value).filter((value) => own.includes(value ?? ''))).toEqual(own)
    }
  })

  test('is written with what happened, or not at all', async () => {
    await make()
    const attempt = db.transaction(async (client) => {
      await client.query(revoke('undone'))
      throw new Error('something went wrong')
    })
    await expect(attempt).rejects.toThrow('something went wrong')
    expect(await follow('stream')).toEqual([])
  })

  test('tells of people by whatever way they are changed, and of nothing that stays as it is', async () => {
    await make()
    const accounts = new PostgresAccountStore(db)
    const passwords = new PostgresPasswordStore(db)
    const { id } = await accounts.insert({ id: newAccountId(), email: 'ada@example.org' })
    await passwords.set(id, 'hash-1')
    await passwords.rehash(id, 'hash-1', 'hash-1-stronger')
    await passwords.set(id, 'hash-2')
    await accounts.update(id, { isAdmin: true })
    await accounts.update(id, { name: 'Ada' })
    await accounts.disable(id)
    await accounts.disable(id)
    await accounts.enable(id)
    await accounts.remove(id)
    const told = (await follow('stream')).map(({ kind, cause, detail }) => [kind, cause, detail['claims']])
    expect(told).toEqual([
      ['credential', 'password.created', undefined],
      ['credential', 'password.changed', undefined],
      ['sub', 'password.changed', undefined],
      ['claims', 'account.changed', { name: 'Ada' }],
      ['account', 'account.disabled', undefined],
      ['sub', 'account.disabled', undefined],
      ['sub', 'account.disabled', undefined],
      ['account', 'account.enabled', undefined],
      ['account', 'account.removed', undefined],
      ['sub', 'account.removed', undefined],
    ])
  })
})

describe('clearing away', () => {
  const transmitter = async (body: (it: Transmitter) => Promise<void>) => {
    const it = await Transmitter.start({
      issuer,
      journal,
      streams: store,
      signer: () => ({ kid: 'k', alg: 'RS256', sign: async () => new Uint8Array() }),
      fetch: async () => ({ status: 202, headers: new Headers(), body: new Uint8Array() }),
      now: () => new Date(),
      random: () => 0.5,
      onTrouble: (error) => {
        throw error
      },
    })
    await body(it)
    await it.stop()
  }
  const left = async () => (await db.query<{ value: string }>('select value from security_events order by id')).rows

  test('keeps what a stream is still to have, and nothing that all have had', async () => {
    await make('one')
    await make('two')
    await db.query(revoke('first'))
    await follow('one')
    await db.query(revoke('second'))
    await transmitter((it) => it.clear())
    expect(await left()).toEqual([{ value: 'first' }, { value: 'second' }])
    await follow('two')
    await transmitter((it) => it.clear())
    expect(await left()).toEqual([{ value: 'second' }])
    await db.query('delete from event_streams')
    await transmitter((it) => it.clear())
    expect(await left()).toEqual([])
  })

  test('of many events those that are no longer needed go in batches', async () => {
    await make()
    await db.query(
      `insert into revocations (kind, value, cause) select 1, 'many ' || n, 'token.revoked' from generate_series(1, 25) n`,
    )
    await journal.advance()
    await db.query('update event_streams set cursor = 20')
    const pauses: number[] = []
    const pause = async (milliseconds: number) => pauses.push(milliseconds)
    await journal.removeOld(3600, { batch: 10, pause })
    expect(await left()).toHaveLength(5)
    expect(pauses).toHaveLength(2)
    await db.query(`update security_events set created_at = created_at - interval '2 hours'`)
    await journal.removeOld(3600, { batch: 10, pause })
    expect(await left()).toEqual([])
  })

  test('what does not concern a stream holds nothing back', async () => {
    await store.insert('narrow', 'siem', { ...settings, eventsRequested: ['urn:x'] })
    await db.query(revoke('unwanted'))
    await journal.advance()
    await transmitter((it) => it.clear())
    expect(await left()).toEqual([])
  })

  test('a receiver that has not come for seven days finds its stream disabled, is told so, and begins anew', async () => {
    await make()
    await db.query(revoke('forgotten'))
    await journal.advance()
    await db.query(`update security_events set created_at = created_at - interval '8 days'`)
    await transmitter((it) => it.clear())
    expect(await store.find('stream')).toMatchObject({
      status: 'disabled',
      statusReason: expect.stringContaining('seven days'),
    })
    const told = await follow('stream')
    expect(told.map(({ cause, detail }) => [cause, detail['status']])).toEqual([['stream.updated', 'disabled']])
    await db.query(revoke('unheard'))
    await journal.advance()
    await store.setStatus('stream', 'enabled', undefined)
    await db.query(revoke('heard'))
    expect((await follow('stream')).map(({ value }) => value)).toEqual(['heard'])
  })
})

describe('a lease', () => {
  test('is held by one of two who ask at once, and free again after its time', async () => {
    await db.query(
      `insert into event_streams (id, client_id, method, endpoint_url, cursor) values ('pushed', 'siem', 'push', 'https://siem.example/', 0)`,
    )
    const taken = await Promise.all([1, 2, 3, 4].map(() => journal.lease('pushed', 60)))
    expect(taken.filter((one) => one !== undefined)).toHaveLength(1)
    await db.query(`update event_streams set leased_until = now() - interval '1 second'`)
    expect(await journal.lease('pushed', 60)).toBeDefined()
  })
})
