/** What a receiver that fetches its events is told, and how it says what it has. */

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { askDatabase } from '../../harness/later.ts'
import { type AddedClient, addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { type Receiver, receiver, type Stream, type Told } from './receiver.ts'

// Commands are processes of their own, and a small machine runs several tests at once.
jest.setTimeout(120_000)

const audience = 'https://api.example'
let provider: Provider
let app: AddedClient
let siem: Receiver

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, audience, ['read'])
  app = await addClient(provider, {
    preset: 'web',
    redirectUris: ['https://app.example/callback'],
    apis: [audience],
    firstParty: true,
  })
  siem = await receiver(provider)
})
afterAll(() => provider?.stop())

const signedIn = async (person: Person): Promise<Tokens> =>
  signInTo(await relyingParty(provider.issuer, app, { scope: 'openid read' }), new UserAgent(provider.issuer), person)
const idOf = async (person: Person) => (await provider.cli<{ id: string }>(['users', 'show', person.email])).id
const subject = (sub: string) => ({ format: 'iss_sub', iss: provider.issuer, sub })
const change = (sql: string, values: unknown[]) => askDatabase(provider.databaseUrl, sql, values)
const caep = (name: string) => `https://schemas.openid.net/secevent/caep/event-type/${name}`
const summary = (told: readonly Told[]) => told.map(({ event, sub_id }) => [event, sub_id])

describe('what is told of', () => {
  let stream: Stream
  beforeAll(async () => {
    stream = await siem.create()
  })

  test('a session that an administrator ends: CAEP session-revoked, for the session and its person', async () => {
    const person = await addPerson(provider)
    const { access_token: token } = await signedIn(person)
    const { sub = '', sid } = decodeJwt(token)
    await provider.command(['sessions', 'end', '--yes', '--', String(sid)])
    const [created, ...ended] = await siem.gather(stream, 2)
    expect(created).toMatchObject({ event: 'credential-change', sub_id: subject(sub) })
    // By each of its names: its own, and what it is to each app.
    expect(ended.map(({ sub_id }) => sub_id)).toContainEqual({
      format: 'complex',
      session: { format: 'opaque', id: sid },
      user: subject(sub),
    })
    for (const { event, content, txn } of ended) {
      expect([event, txn]).toEqual(['session-revoked', ended[0]?.txn])
      expect(content).toMatchObject({ initiating_entity: 'admin', reason_admin: { en: expect.stringMatching(/\w/) } })
      expect(Math.abs(Number(content['event_timestamp']) - Date.now() / 1000)).toBeLessThan(300)
    }
  })

  test('a password that is changed: credential-change, then the end of every session, as one transaction', async () => {
    const person = await addPerson(provider)
    await signedIn(person)
    await provider.cli(['users', 'set-password', person.email, '--password-stdin'], 'another good pass phrase\n')
    const told = await siem.gather(stream, 3)
    const user = subject(await idOf(person))
    expect(summary(told)).toEqual([
      ['credential-change', user],
      ['credential-change', user],
      ['session-revoked', user],
    ])
    expect(told.map(({ content }) => content['change_type'])).toEqual(['create', 'update', undefined])
    expect(told[1]?.content).toMatchObject({ credential_type: 'password' })
    expect(told[2]?.txn).toBe(told[1]?.txn)
    expect(told[1]?.txn).not.toBe(told[0]?.txn)
  })

  test('an account that is disabled, enabled and removed: RISC has a word for each', async () => {
    const person = await addPerson(provider)
    const user = subject(await idOf(person))
    await provider.cli(['users', 'disable', person.email])
    await provider.cli(['users', 'enable', person.email])
    await provider.cli(['users', 'remove', '--yes', person.email])
    expect(summary(await siem.gather(stream, 6))).toEqual([
      ['credential-change', user],
      ['account-disabled', user],
      ['session-revoked', user],
      ['account-enabled', user],
      ['account-purged', user],
      ['session-revoked', user],
    ])
  })

  test('one token, the tokens of one app and person, and all tokens of an app: draft events', async () => {
    const person = await addPerson(provider)
    const { access_token: token, refresh_token: refreshToken = '' } = await signedIn(person)
    const { jti, sub = '' } = decodeJwt(token)
    await provider.cli(['tokens', 'revoke', '--yes', '--token-stdin'], token)
    await provider.cli(['tokens', 'revoke', '--yes', '--token-stdin'], refreshToken)
    await provider.cli(['tokens', 'revoke', '--yes', '--client', app.client_id])
    const [, ...told] = await siem.gather(stream, 4)
    const application = { format: 'opaque', id: app.client_id }
    expect(summary(told)).toEqual([
      ['token-revoked', { format: 'jwt_id', iss: provider.issuer, jti }],
      ['tokens-revoked', { format: 'complex', user: subject(sub), application }],
      ['tokens-revoked', application],
    ])
  })

  test('users set: CAEP token-claims-change with the new values only, and nothing where nothing changed', async () => {
    const person = await addPerson(provider)
    const id = await idOf(person)
    await provider.cli(['users', 'set', id, '--name', 'Ada King', '--claim', 'nickname=Countess'])
    await provider.cli(['users', 'set', id, '--name', 'Ada King'])
    await provider.cli(['users', 'set', id, '--remove-claim', 'nickname', '--email-verified'])
    await change('update accounts set revoked_before = 1 where id = $1', [id])
    const told = await siem.gather(stream, 3)
    expect(summary(told)).toEqual([
      ['credential-change', subject(id)],
      ['token-claims-change', subject(id)],
      ['token-claims-change', subject(id)],
    ])
    expect(told.map(({ content }) => content['claims'])).toEqual([
      undefined,
      { name: 'Ada King', nickname: 'Countess' },
      { nickname: null, email_verified: true },
    ])
  })

  test('only what was asked for, and nothing about subjects that were taken out', async () => {
    const [known, unheard] = [await addPerson(provider), await addPerson(provider)]
    const narrow = await siem.create({ events_requested: [caep('session-revoked'), 'urn:example:unknown'] })
    expect(narrow.events_delivered).toEqual([caep('session-revoked')])
    const about = (person: Person) => ({
      stream_id: narrow.stream_id,
      subject: { format: 'email', email: person.email },
    })
    expect((await siem.call(siem.metadata.remove_subject_endpoint, 'POST', about(unheard))).status).toBe(204)
    await provider.cli(['users', 'sign-out', '--yes', unheard.email])
    await provider.cli(['users', 'sign-out', '--yes', known.email])
    const before = await siem.gather(narrow, 1)
    expect((await siem.call(siem.metadata.add_subject_endpoint, 'POST', about(unheard))).status).toBe(200)
    await provider.cli(['users', 'sign-out', '--yes', unheard.email])
    const told = [...before, ...(await siem.gather(narrow, 1))]
    expect(summary(told)).toEqual([
      ['session-revoked', subject(await idOf(known))],
      ['session-revoked', subject(await idOf(unheard))],
    ])
  })
})

describe('fetching (RFC 8936)', () => {
  const ended = async (count: number) => {
    const names = Array.from({ length: count }, () => `token-${randomUUID()}`)
    for (const name of names) {
      await change('insert into revocations (kind, value, cause) values (1, $1, $2)', [name, 'token.revoked'])
    }
    return names
  }
  const names = (told: readonly Told[]) => told.map(({ sub_id }) => sub_id['jti'])
  const all = async (stream: Stream, count: number) =>
    eventually(async () => {
      const { told } = await siem.pollOnce(stream)
      return told.length === count ? told : undefined
    })

  test('gives events in order, again and again, until they are acknowledged, and then never again', async () => {
    const stream = await siem.create()
    const made = await ended(3)
    const first = await all(stream, 3)
    expect(names(first ?? [])).toEqual(made)
    expect(await all(stream, 3)).toEqual(first)
    const [one, two, three] = (first ?? []).map(({ jti }) => jti)
    // Out of order: the second is gone, the others stay.
    expect(names((await siem.pollOnce(stream, { ack: [two] })).told)).toEqual([made[0], made[2]])
    expect(names((await siem.pollOnce(stream, { ack: [one] })).told)).toEqual([made[2]])
    expect((await siem.pollOnce(stream, { ack: [one, two, three, three] })).told).toEqual([])
    const [next] = await ended(1)
    expect(names(await siem.gather(stream, 1))).toEqual([next])
  })

  test('gives no more than asked for, and says when there is more', async () => {
    const stream = await siem.create()
    const made = await ended(3)
    await all(stream, 3)
    const page = await siem.pollOnce(stream, { maxEvents: 2 })
    expect([names(page.told), page.moreAvailable]).toEqual([made.slice(0, 2), true])
    const ack = page.told.map(({ jti }) => jti)
    expect(await siem.pollOnce(stream, { ack, maxEvents: 0 })).toMatchObject({ told: [], moreAvailable: true })
    const rest = await siem.pollOnce(stream)
    expect([names(rest.told), rest.moreAvailable]).toEqual([made.slice(2), false])
  })

  test('an event that the receiver calls faulty is not sent again; what was wrong is kept for the administrator', async () => {
    const stream = await siem.create()
    await ended(1)
    const [told] = (await all(stream, 1)) ?? []
    const setErrs = { [told?.jti ?? '']: { err: 'jwtAud', description: 'not for us' } }
    expect((await siem.pollOnce(stream, { setErrs })).told).toEqual([])
    const shown = await provider.cli<{ last_error: string }>(['streams', 'show', stream.stream_id])
    expect(shown.last_error).toBe('jwtAud: not for us')
  })

  test('a poll that may wait is answered as soon as something happens', async () => {
    const stream = await siem.create()
    const waiting = siem.pollOnce(stream, { returnImmediately: false })
    const [made] = await ended(1)
    expect(names((await waiting).told)).toEqual([made])
  })

  test('acknowledging what was never sent, or is of another epoch, acknowledges nothing', async () => {
    const stream = await siem.create()
    await ended(1)
    const [told] = (await all(stream, 1)) ?? []
    const seq = Number(told?.jti.split('.')[1])
    const ack = [`${told?.jti.split('.')[0]}.${seq + 1000}`, `${randomUUID()}.${seq}`, 'nonsense', `${told?.jti}0`, '']
    await siem.pollOnce(stream, { ack })
    expect((await siem.pollOnce(stream)).told.map(({ jti }) => jti)).toEqual([told?.jti])
    await ended(1)
    expect((await all(stream, 2))?.length).toBe(2)
  })

  test('while it is paused a stream holds its events; disabled, it has none', async () => {
    const stream = await siem.create()
    const set = (status: string) =>
      siem.call(siem.metadata.status_endpoint, 'POST', { stream_id: stream.stream_id, status, reason: 'maintenance' })
    expect(await (await set('paused')).json()).toEqual({
      stream_id: stream.stream_id,
      status: 'paused',
      reason: 'maintenance',
    })
    const [held] = await ended(1)
    expect((await siem.pollOnce(stream)).told).toEqual([])
    await set('enabled')
    expect(names(await siem.gather(stream, 1))).toEqual([held])
    await set('disabled')
    // Another stream proves that the journal has come past it.
    const witness = await siem.create()
    const [unheard] = await ended(1)
    expect(names(await siem.gather(witness, 1))).toContain(unheard)
    expect((await siem.pollOnce(stream)).told).toEqual([])
    await set('enabled')
    const [next] = await ended(1)
    expect(names(await siem.gather(stream, 1))).toEqual([next])
  })
})
