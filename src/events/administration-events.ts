/** What administrators, the command line and the schedule change: accounts, clients, APIs, keys. */
import type { ByActor, RecordEvent } from './record.ts'

type ByAccount = ByActor & { accountId: string; detail?: { [name: string]: unknown } }
type ByClient = ByActor & { clientId: string; detail?: { [name: string]: unknown } }
type ByApi = ByActor & { audience: string }
type ByKey = ByActor & { kid: string; alg: string; reason?: string | undefined }

export interface AdministrationEvents {
  accountCreated(event: ByAccount): void
  accountChanged(event: ByAccount): void
  accountDisabled(event: ByAccount): void
  accountEnabled(event: ByAccount): void
  accountSignedOut(event: ByAccount): void
  accountRemoved(event: ByAccount): void
  /** By the person: `actor` is the account itself; by an administrator it is another. */
  accountPasswordSet(event: ByAccount): void
  adminCreated(event: ByAccount): void
  adminReset(event: ByAccount): void
  clientCreated(event: ByClient): void
  /** `detail.fields` names what changed, never the values of secrets. */
  clientChanged(event: ByClient): void
  clientSecretRotated(event: ByClient): void
  clientRemoved(event: ByClient): void
  apiCreated(event: ByApi): void
  apiChanged(event: ByApi): void
  apiRemoved(event: ByApi): void
  keyCreated(event: ByKey): void
  keyImported(event: ByKey): void
  keyPromoted(event: ByKey): void
  keyRetired(event: ByKey): void
  keyRevoked(event: ByKey): void
  keyRemoved(event: ByKey): void
  secretsRotated(event: ByActor & { fingerprint: string }): void
}

export function administrationEvents(record: RecordEvent): AdministrationEvents {
  const account =
    (kind: string, more: object = {}) =>
    ({ actor, requestId, accountId, detail }: ByAccount): void =>
      record({ kind, actor, requestId, accountId, detail: { ...detail, ...more } })
  const client =
    (kind: string) =>
    ({ actor, requestId, clientId, detail }: ByClient): void =>
      record({ kind, actor, requestId, clientId, detail: { ...detail } })
  const api =
    (kind: string) =>
    ({ actor, requestId, audience }: ByApi): void =>
      record({ kind, actor, requestId, detail: { audience } })
  const key =
    (kind: string) =>
    ({ actor, requestId, kid, alg, reason }: ByKey): void =>
      record({ kind, actor, requestId, detail: { kid, alg, reason } })
  return {
    accountCreated: account('account.created'),
    accountChanged: account('account.changed'),
    accountDisabled: account('account.disabled'),
    accountEnabled: account('account.enabled'),
    accountSignedOut: account('account.signed-out'),
    accountRemoved: account('account.removed'),
    accountPasswordSet: (event) =>
      account(event.actor === `account:${event.accountId}` ? 'password.changed' : 'password.reset')(event),
    adminCreated: account('account.created', { admin: true }),
    adminReset: account('password.reset', { admin: true }),
    clientCreated: client('client.created'),
    clientChanged: client('client.changed'),
    clientSecretRotated: client('client.secret-rotated'),
    clientRemoved: client('client.removed'),
    apiCreated: api('api.created'),
    apiChanged: api('api.changed'),
    apiRemoved: api('api.removed'),
    keyCreated: key('key.created'),
    keyImported: key('key.imported'),
    keyPromoted: key('key.promoted'),
    keyRetired: key('key.retired'),
    keyRevoked: key('key.revoked'),
    keyRemoved: key('key.removed'),
    secretsRotated: ({ actor, requestId, fingerprint }) =>
      record({ kind: 'secrets.rotated', actor, requestId, detail: { fingerprint } }),
  }
}
