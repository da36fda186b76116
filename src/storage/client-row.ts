/** A client as a row: what has no column of its own lies in `metadata`. */
import type { Api, Client, Preset } from '../clients/client.ts'
import type { NewClient } from '../clients/client-store.ts'

export interface ClientRow {
  id: string
  name: string
  preset: Preset
  first_party: boolean
  secret_digest: Buffer | null
  secret_rotated_at: Date | null
  previous_secret_digest: Buffer | null
  previous_secret_until: Date | null
  metadata: Partial<Metadata>
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

/** The jsonb part; what is undefined is left out. */
export function metadataOf(client: NewClient): Metadata {
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
  return kept
}

/** Defaults stand in for fields that an older release did not write. */
export function clientOf(row: ClientRow): Client {
  const { metadata } = row
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
    pkce: metadata.pkce ?? 'required',
    tokenEndpointAuthMethod: metadata.tokenEndpointAuthMethod ?? (row.secret_digest ? 'client_secret_basic' : 'none'),
    secretDigest: row.secret_digest ? new Uint8Array(row.secret_digest) : undefined,
    ...(row.secret_rotated_at ? { secretRotatedAt: row.secret_rotated_at } : {}),
    ...previousSecretOf(row),
    jwks: metadata.jwks ?? undefined,
    jwksUri: metadata.jwksUri ?? undefined,
    idTokenAlg: metadata.idTokenAlg ?? 'ES256',
    claimsInIdToken: metadata.claimsInIdToken ?? false,
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
