/** A client as a row. Fields without a column of their own are in `metadata`. */
import type { Api, Client, Preset } from '../../clients/client.ts'
import type { NewClient } from '../../clients/client-store.ts'
import { presetRules } from '../../clients/preset-rules.ts'

export interface ClientRow {
  id: string
  name: string
  preset: Preset
  first_party: boolean
  secret_digest: Buffer | null
  secret_rotated_at: Date | null
  previous_secret_digest: Buffer | null
  previous_secret_until: Date | null
  metadata: Partial<Metadata & Newer>
  created_at: Date
  updated_at: Date
  apis: string[]
}

export interface ApiRow {
  audience: string
  name: string | null
  scopes: string[]
  scope_texts: Record<string, string>
  ttl_seconds: number | null
  alg: string
  created_at: Date
}

type Metadata = Omit<NewClient, 'id' | 'name' | 'preset' | 'firstParty' | 'secretDigest' | 'apis'>

/** Values that the previous release does not know; it drops this member when it changes a client. */
interface Newer {
  newer?: Pick<NewClient, 'pkce' | 'tokenEndpointAuthMethod' | 'claimsInIdToken'>
}

/** The jsonb column; undefined fields are left out. The previous release reads the strictest value that it knows. */
export function metadataOf(client: NewClient): Metadata & Newer {
  const {
    id: _id,
    name: _name,
    preset: _preset,
    firstParty: _firstParty,
    secretDigest: _digest,
    apis: _apis,
    ...metadata
  } = client
  const {
    createdAt: _created,
    updatedAt: _updated,
    secretRotatedAt: _rotated,
    previousSecret: _previous,
    ...kept
  } = metadata as Metadata & Partial<Omit<Client, keyof NewClient>>
  const { pkce, tokenEndpointAuthMethod, claimsInIdToken } = client
  return {
    ...kept,
    pkce: pkce === 'or-nonce' ? 'required' : pkce,
    tokenEndpointAuthMethod:
      tokenEndpointAuthMethod === 'client_secret' ? 'client_secret_basic' : tokenEndpointAuthMethod,
    newer: { pkce, tokenEndpointAuthMethod, claimsInIdToken },
  }
}

/** Uses defaults for fields that an older release did not write. */
export function clientOf(row: ClientRow): Client {
  const { metadata } = row
  const { newer = {} as Partial<NonNullable<Newer['newer']>> } = metadata
  return {
    id: row.id,
    name: row.name,
    preset: row.preset,
    firstParty: row.first_party,
    redirectUris: metadata.redirectUris ?? [],
    postLogoutRedirectUris: metadata.postLogoutRedirectUris ?? [],
    origins: metadata.origins ?? [],
    startUri: metadata.startUri ?? undefined,
    logoUri: metadata.logoUri ?? undefined,
    policyUri: metadata.policyUri ?? undefined,
    tosUri: metadata.tosUri ?? undefined,
    apis: row.apis,
    grants: metadata.grants ?? presetRules[row.preset].grantTypes,
    profile: metadata.profile ?? 'standard',
    pkce: newer.pkce ?? metadata.pkce ?? 'required',
    tokenEndpointAuthMethod:
      newer.tokenEndpointAuthMethod ??
      metadata.tokenEndpointAuthMethod ??
      (row.secret_digest ? 'client_secret_basic' : 'none'),
    secretDigest: row.secret_digest ? new Uint8Array(row.secret_digest) : undefined,
    ...(row.secret_rotated_at ? { secretRotatedAt: row.secret_rotated_at } : {}),
    ...previousSecretOf(row),
    jwks: metadata.jwks ?? undefined,
    jwksUri: metadata.jwksUri ?? undefined,
    idTokenAlg: metadata.idTokenAlg ?? 'ES256',
    // An older release always put the claims into the ID token of an app with an API.
    claimsInIdToken: newer.claimsInIdToken ?? (metadata.claimsInIdToken || row.apis.length > 0),
    dpopBound: metadata.dpopBound ?? false,
    requirePar: metadata.requirePar ?? false,
    backchannelLogoutUri: metadata.backchannelLogoutUri,
    backchannelLogoutSessionRequired: metadata.backchannelLogoutSessionRequired,
    refreshDelivery: metadata.refreshDelivery ?? 'body',
    ...(metadata.servesApi === undefined ? {} : { servesApi: metadata.servesApi }),
    ...(metadata.rights === undefined ? {} : { rights: metadata.rights }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

const previousSecretOf = ({ previous_secret_digest: digest, previous_secret_until: until }: ClientRow) =>
  digest && until ? { previousSecret: { digest: new Uint8Array(digest), until } } : {}

export const apiOf = (row: ApiRow): Api => ({
  audience: row.audience,
  name: row.name ?? undefined,
  scopes: row.scopes,
  scopeTexts: row.scope_texts,
  ttlSeconds: row.ttl_seconds ?? undefined,
  alg: row.alg,
  createdAt: row.created_at,
})
