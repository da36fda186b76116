/** Scopes that apps requested and were refused, as commands show them. */
import type { Api } from '../../clients/client.ts'
import { isIdentityScope } from '../../clients/identity-scopes.ts'
import type { RecordedEntry } from '../../events/events.ts'
import type { Desk } from '../desk.ts'

/** How many of the latest refusals are read. */
const searched = 500

export interface RefusedScope {
  clientId: string
  scope: string
  at: Date
}

/** The latest refusal of each client and scope, newest first. */
export async function refusedScopes({ audit }: Pick<Desk, 'audit'>): Promise<RefusedScope[]> {
  const entries = await audit.list({ limit: searched, kind: 'scope.refused' })
  const latest = new Map<string, RefusedScope>()
  for (const { clientId = '', at, detail } of entries) {
    for (const scope of scopesOf(detail)) {
      const key = `${clientId} ${scope}`
      if (!latest.has(key)) latest.set(key, { clientId, scope, at })
    }
  }
  return [...latest.values()]
}

/** What to do about a recorded refusal; undefined for every other kind of event. */
export function scopeRemedy({ kind, clientId = '', detail }: RecordedEntry, apis: readonly Api[]): string | undefined {
  if (kind !== 'scope.refused') return undefined
  return scopesOf(detail)
    .map((scope) => remedyFor(scope, clientId, apis))
    .join(' ')
}

const scopesOf = (detail: RecordedEntry['detail']): string[] =>
  String(detail?.scopes ?? '')
    .split(' ')
    .filter(Boolean)

function remedyFor(scope: string, clientId: string, apis: readonly Api[]): string {
  if (scope === 'offline_access') {
    return 'offline_access: send prompt=consent with it (OpenID Connect Core §11), or leave it out.'
  }
  if (isIdentityScope(scope)) return `${scope}: this client has no sign-in; leave the scope out.`
  const owner = apis.find(({ scopes }) => scopes.includes(scope))
  return owner
    ? `${scope}: a scope of ${owner.audience}. Register the client for it (claviger clients set ${clientId} --add-api ${owner.audience}), and have the app send resource=${owner.audience} if it uses several APIs.`
    : `${scope}: no API has this scope. Correct its spelling in the app, leave it out, or add it to an API.`
}
