/**
 * Claviger's own resources for which services get access tokens. Each is an audience (RFC 8707) with scopes of its own.
 */
import { revocationScope } from '../../clients/api-credentials.ts'
import type { Client } from '../../clients/client.ts'
import { hasRight } from '../../clients/rights.ts'
import { feedOf } from '../../revocation/frames.ts'
import { signalsOf, ssfScopes } from '../../signals/metadata.ts'

export interface OwnResource {
  audience: string
  scopes: readonly string[]
  isFor(client: Client): boolean
}

export const globalRevocationScope = 'global_token_revocation'
export const globalRevocationOf = (issuer: string): string => `${issuer}/global-token-revocation`

export const revocationFeed = (issuer: string): OwnResource => ({
  audience: feedOf(issuer),
  scopes: [revocationScope],
  isFor: ({ servesApi }) => servesApi !== undefined,
})

export const sharedSignals = (issuer: string): OwnResource => ({
  audience: signalsOf(issuer),
  scopes: Object.values(ssfScopes),
  isFor: (client) => hasRight(client, 'shared-signals'),
})

export const globalRevocation = (issuer: string): OwnResource => ({
  audience: globalRevocationOf(issuer),
  scopes: [globalRevocationScope],
  isFor: (client) => hasRight(client, 'global-token-revocation'),
})

export const ownResources = (issuer: string): readonly OwnResource[] => [
  revocationFeed(issuer),
  sharedSignals(issuer),
  globalRevocation(issuer),
]
