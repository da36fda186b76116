/** Which event a receiver gets for each entry of the journal. */
import { describe, expect, test } from '@jest/globals'
import { supportedEvents } from '../../src/signals/event-types.ts'
import { ssfEventOf } from '../../src/signals/ssf-event.ts'
import { entry } from './entries.ts'

const issuer = 'https://id.example'
const person = { format: 'iss_sub', iss: issuer, sub: 'acc_ada' }
const session = { format: 'complex', session: { format: 'opaque', id: 'sid-1' }, user: person }
const base = 'https://schemas.openid.net/secevent'
const caep = `${base}/caep/event-type`

describe('each cause has one event', () => {
  test.each([
    ['sid', 'session.ended', `${caep}/session-revoked`, session],
    ['sid', 'session.signed-out', `${caep}/session-revoked`, session],
    ['sub', 'account.signed-out', `${caep}/session-revoked`, person],
    ['sub', 'account.revoked-globally', `${caep}/session-revoked`, person],
    ['sub', 'account.disabled', `${caep}/session-revoked`, person],
    ['sub', 'account.removed', `${caep}/session-revoked`, person],
    ['sub', 'password.changed', `${caep}/session-revoked`, person],
    ['account', 'account.disabled', `${base}/risc/event-type/account-disabled`, person],
    ['account', 'account.enabled', `${base}/risc/event-type/account-enabled`, person],
    ['account', 'account.removed', `${base}/risc/event-type/account-purged`, person],
    ['claims', 'account.changed', `${caep}/token-claims-change`, person],
    ['credential', 'password.created', `${caep}/credential-change`, person],
    ['credential', 'password.changed', `${caep}/credential-change`, person],
    ['credential', 'passkey.removed', `${caep}/credential-change`, person],
    ['jti', 'token.revoked', `${base}/oauth/event-type/token-revoked`, { format: 'jwt_id', iss: issuer, jti: 'sid-1' }],
    ['client', 'client.removed', `${base}/oauth/event-type/tokens-revoked`, { format: 'opaque', id: 'app' }],
    [
      'grant',
      'grant.revoked',
      `${base}/oauth/event-type/tokens-revoked`,
      { format: 'complex', user: person, application: { format: 'opaque', id: 'app' } },
    ],
  ] as const)('a %s entry with cause %s becomes the event of its type', (kind, cause, type, subject) => {
    const mapped = ssfEventOf(entry(1, { kind, cause }), issuer)
    expect(mapped).toMatchObject({ type, subject })
    expect(supportedEvents).toContain(type)
  })
})

describe('the content of an event', () => {
  test('of CAEP states the time and the reason in words (Interoperability Profile)', () => {
    for (const [kind, cause] of [
      ['sid', 'session.ended'],
      ['sub', 'something.new'],
      ['credential', 'password.changed'],
      ['claims', 'account.changed'],
    ] as const) {
      const { content } = ssfEventOf(entry(1, { kind, cause }), issuer) ?? {}
      expect(content).toMatchObject({
        event_timestamp: 1_700_000_000,
        reason_admin: { en: expect.stringMatching(/\w/) },
      })
    }
  })

  test('names the initiating entity by the actor in the log, otherwise by the usual one of the cause', () => {
    const by = (cause: string, actor?: string) =>
      ssfEventOf(entry(1, { kind: 'sub', cause, actor }), issuer)?.content['initiating_entity']
    expect(by('account.signed-out')).toBe('admin')
    expect(by('account.signed-out', 'client:siem')).toBe('system')
    expect(by('password.changed')).toBeUndefined()
    expect(by('password.changed', 'account:acc_ada')).toBe('user')
    expect(by('password.changed', 'cli:root')).toBe('admin')
  })

  test('of RISC and of the drafts is empty', () => {
    for (const [kind, cause] of [
      ['account', 'account.disabled'],
      ['jti', 'token.revoked'],
      ['client', 'client.removed'],
    ] as const) {
      expect(ssfEventOf(entry(1, { kind, cause }), issuer)?.content).toEqual({})
    }
  })

  test('of changed claims has the new values, and of a credential its type and change', () => {
    const claims = { name: 'Ada', nickname: null }
    expect(
      ssfEventOf(entry(1, { kind: 'claims', cause: 'account.changed', detail: { claims } }), issuer)?.content,
    ).toMatchObject({ claims })
    const credential = (cause: string, detail = {}) =>
      ssfEventOf(entry(1, { kind: 'credential', cause, detail }), issuer)?.content
    expect(credential('password.created')).toMatchObject({ credential_type: 'password', change_type: 'create' })
    expect(credential('password.changed')).toMatchObject({ credential_type: 'password', change_type: 'update' })
    expect(credential('passkey.removed', { credential_type: 'fido2-platform' })).toMatchObject({
      credential_type: 'fido2-platform',
      change_type: 'delete',
    })
  })

  test('names the session alone when its person is unknown', () => {
    const mapped = ssfEventOf(entry(1, { kind: 'sid', cause: 'session.ended', accountId: undefined }), issuer)
    expect(mapped?.subject).toEqual({ format: 'opaque', id: 'sid-1' })
  })

  test('about a stream has the stream as subject (SSF 1.0 §8.1.4, §8.1.5)', () => {
    const about = { kind: 'stream', streamId: 'stream-1' } as const
    expect(ssfEventOf(entry(1, { ...about, cause: 'stream.verification', detail: { state: 'x' } }), issuer)).toEqual({
      type: `${base}/ssf/event-type/verification`,
      subject: { format: 'opaque', id: 'stream-1' },
      content: { state: 'x' },
    })
    const detail = { status: 'paused', reason: 'because' }
    expect(ssfEventOf(entry(1, { ...about, cause: 'stream.updated', detail }), issuer)).toEqual({
      type: `${base}/ssf/event-type/stream-updated`,
      subject: { format: 'opaque', id: 'stream-1' },
      content: detail,
    })
  })
})

test.each([
  ['kind', { kind: 'novel', cause: 'novel.thing' }],
  ['change of an account', { kind: 'account', cause: 'account.novel' }],
  ['change of a credential', { kind: 'credential', cause: 'password.admired' }],
  ['grant that has already ended', { kind: 'grant', cause: 'grant.revoked', accountId: undefined }],
])('an unknown %s is skipped, because a newer release may have written it', (_what, fields) => {
  expect(ssfEventOf(entry(1, fields as never), issuer)).toBeUndefined()
})
