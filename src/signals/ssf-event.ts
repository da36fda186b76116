/** Maps each entry of the journal to the event that receivers get, in one table. */
import { eventTypes, streamEventTypes } from './event-types.ts'
import type { SecurityEvent } from './signals.ts'

/** A subject identifier (RFC 9493, and the complex ones of SSF 1.0 §3.3). */
export type SubjectIdentifier = { format: string } & Record<string, unknown>

export interface SsfEvent {
  /** URI of the event's type. */
  type: string
  subject: SubjectIdentifier
  /** The value of the event's type in the `events` claim. */
  content: Record<string, unknown>
}

type Mapping = (event: SecurityEvent, issuer: string) => SsfEvent

/** @returns undefined for an entry of a newer release that this one does not know */
export function ssfEventOf(event: SecurityEvent, issuer: string): SsfEvent | undefined {
  return (byCause[event.cause] ?? byKind[event.kind])?.(event, issuer)
}

/** Mappings by cause, which take precedence. */
const byCause: Readonly<Partial<Record<string, Mapping>>> = {
  'stream.verification': ({ streamId, detail }) => ({
    type: streamEventTypes.verification,
    subject: opaque(streamId),
    content: 'state' in detail ? { state: detail.state } : {},
  }),
  'stream.updated': ({ streamId, detail: { status, reason } }) => ({
    type: streamEventTypes.streamUpdated,
    subject: opaque(streamId),
    content: { status, reason },
  }),
}

const accountEvents: Readonly<Partial<Record<string, string>>> = {
  'account.disabled': eventTypes.accountDisabled,
  'account.enabled': eventTypes.accountEnabled,
  'account.removed': eventTypes.accountPurged,
}

const changeTypes: Readonly<Partial<Record<string, string>>> = {
  created: 'create',
  changed: 'update',
  removed: 'delete',
}

/** Mappings by kind. */
const byKind: Readonly<Partial<Record<string, (event: SecurityEvent, issuer: string) => SsfEvent | undefined>>> = {
  // A subject without a session means every session of the person (CAEP 1.0 §3.1).
  sub: (event, issuer) => ({
    type: eventTypes.sessionRevoked,
    subject: person(event, issuer),
    content: caepContent(event),
  }),
  sid: (event, issuer) => ({
    type: eventTypes.sessionRevoked,
    subject:
      event.accountId === undefined
        ? opaque(event.value)
        : { format: 'complex', session: opaque(event.value), user: person(event, issuer) },
    content: caepContent(event),
  }),
  jti: ({ value }, issuer) => ({
    type: eventTypes.tokenRevoked,
    subject: { format: 'jwt_id', iss: issuer, jti: value },
    content: {},
  }),
  grant: (event, issuer) => {
    // A grant that had ended before has no account, and no token of it is left.
    if (event.accountId === undefined || event.clientId === undefined) return undefined
    const subject = { format: 'complex', user: person(event, issuer), application: opaque(event.clientId) }
    return { type: eventTypes.tokensRevoked, subject, content: {} }
  },
  client: ({ clientId }) => ({ type: eventTypes.tokensRevoked, subject: opaque(clientId), content: {} }),
  account: (event, issuer) => {
    const type = accountEvents[event.cause]
    return type === undefined ? undefined : { type, subject: person(event, issuer), content: {} }
  },
  claims: (event, issuer) => ({
    type: eventTypes.tokenClaimsChange,
    subject: person(event, issuer),
    content: { claims: event.detail.claims, ...caepContent(event) },
  }),
  // `password.changed`, `passkey.removed` …
  credential: (event, issuer) => {
    const [credential = '', change = ''] = event.cause.split('.')
    const change_type = changeTypes[change]
    const content = { credential_type: event.detail.credential_type ?? credential, change_type, ...caepContent(event) }
    return change_type ? { type: eventTypes.credentialChange, subject: person(event, issuer), content } : undefined
  },
}

const opaque = (id: string | undefined): SubjectIdentifier => ({ format: 'opaque', id })

const person = ({ accountId }: SecurityEvent, issuer: string): SubjectIdentifier => ({
  format: 'iss_sub',
  iss: issuer,
  sub: accountId,
})

const reasons: Readonly<Partial<Record<string, { sentence: string; by?: 'admin' | 'user' | 'system' }>>> = {
  'session.signed-out': { sentence: 'The person signed out', by: 'user' },
  'session.ended': { sentence: 'An administrator ended the session', by: 'admin' },
  'account.signed-out': { sentence: 'The account was signed out everywhere', by: 'admin' },
  'account.revoked-globally': { sentence: 'A security tool revoked all access of the account', by: 'system' },
  'account.disabled': { sentence: 'The account was disabled', by: 'admin' },
  'account.removed': { sentence: 'The account was removed', by: 'admin' },
  'account.changed': { sentence: 'The account was changed' },
  'password.created': { sentence: 'A password was set for the first time' },
  'password.changed': { sentence: 'The password was changed' },
  'password.removed': { sentence: 'The password was removed' },
}

/** The initiating entity, by the kind of actor in the log. */
const entities: Readonly<Partial<Record<string, 'admin' | 'user' | 'system'>>> = {
  cli: 'admin',
  account: 'user',
  client: 'system',
}

/** CAEP 1.0 §2. The Interoperability Profile requires a reason. */
function caepContent({ cause, at, actor }: SecurityEvent): Record<string, unknown> {
  const { sentence, by: usually } = reasons[cause] ?? { sentence: cause }
  const by = entities[actor?.split(':')[0] ?? ''] ?? usually
  return {
    event_timestamp: Math.floor(at.getTime() / 1000),
    reason_admin: { en: sentence },
    ...(by ? { initiating_entity: by } : {}),
  }
}
