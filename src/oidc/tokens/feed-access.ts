/**
 * Decides which requests may read the revocation feed: with an API's credentials, or with an access token for the feed.
 */
import { revocationScope } from '../../clients/api-credentials.ts'
import type { Client } from '../../clients/client.ts'
import { isClientSecret } from '../../clients/client-secret.ts'
import { type OwnAccessNeeds, ownAccess } from './own-access.ts'
import { revocationFeed } from './own-resources.ts'

export type FeedAccessNeeds = OwnAccessNeeds

export type FeedAccess =
  /** `isOver`: must a stream that began with this access end? */
  | { outcome: 'allowed'; clientId: string; isOver(nowSeconds: number): boolean }
  | { outcome: 'unauthenticated'; scheme: 'Basic' | 'Bearer'; error: string | undefined }
  | { outcome: 'insufficient_scope' }

/** @param authorization the `Authorization` header as it was sent */
export async function feedAccess(authorization: string | undefined, needs: FeedAccessNeeds): Promise<FeedAccess> {
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+) *$/.exec(authorization ?? '') ?? []
  if (scheme.toLowerCase() === 'basic') return bySecret(credentials, needs)
  if (scheme.toLowerCase() === 'bearer') return byToken(authorization ?? '', needs)
  return { outcome: 'unauthenticated', scheme: 'Bearer', error: undefined }
}

async function bySecret(credentials: string, { directory, isRevoked }: FeedAccessNeeds): Promise<FeedAccess> {
  const refused: FeedAccess = { outcome: 'unauthenticated', scheme: 'Basic', error: 'invalid_client' }
  const [id, secret] = parsedBasic(credentials)
  const client = id === undefined ? undefined : await directory.find(id)
  if (!client || !takesBasic.has(client.tokenEndpointAuthMethod) || !isClientSecret(client, secret)) return refused
  if (!isReader(client)) return { outcome: 'insufficient_scope' }
  const began = Math.floor(Date.now() / 1000)
  return { outcome: 'allowed', clientId: client.id, isOver: () => isRevoked({ client: client.id, iat: began }) }
}

const takesBasic: ReadonlySet<string> = new Set(['client_secret', 'client_secret_basic'])

/** RFC 6749 §2.3.1: both parts are form-urlencoded, then encoded by RFC 7617. */
function parsedBasic(credentials: string): [string, string] | [undefined, undefined] {
  const text = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon === -1) return [undefined, undefined]
  try {
    const decoded = (part: string) => decodeURIComponent(part.replaceAll('+', ' '))
    return [decoded(text.slice(0, colon)), decoded(text.slice(colon + 1))]
  } catch {
    return [undefined, undefined] // not urlencoded: no client has such credentials
  }
}

async function byToken(authorization: string, needs: FeedAccessNeeds): Promise<FeedAccess> {
  const access = await ownAccess(authorization, revocationFeed(needs.issuer), [revocationScope], needs)
  if (access.outcome === 'insufficient_scope') return access
  if (access.outcome === 'unauthenticated') return { ...access, scheme: 'Bearer', error: 'invalid_token' }
  const { client, marks, expiresAtSeconds } = access
  return { outcome: 'allowed', clientId: client.id, isOver: (now) => expiresAtSeconds <= now || needs.isRevoked(marks) }
}

const isReader = (client: Client): boolean => client.servesApi !== undefined
