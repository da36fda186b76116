/** Creates and changes a client from an administrator's input. One error names every fault. */

import { Failure } from '../errors/failure.ts'
import { quoted } from '../events/plain-text.ts'
import type { Client, Preset } from './client.ts'
import { clientFaults, type Draft } from './client-faults.ts'
import { newClientId } from './client-id.ts'
import { strictSettings } from './client-profile.ts'
import { digestOfSecret, ownSecretFault } from './client-secret.ts'
import type { NewClient } from './client-store.ts'
import { usesRedirects } from './grant-types.ts'
import { presetRules } from './preset-rules.ts'

type Clearable = 'startUri' | 'logoUri' | 'policyUri' | 'tosUri' | 'jwks' | 'jwksUri' | 'backchannelLogoutUri'

/** Preset and name are required; the preset sets the defaults of the other fields. Null means left out, as in a file. */
export type ClientInput = Partial<Omit<NewClient, 'preset' | 'name' | Clearable>> & {
  [Field in Clearable]?: NewClient[Field] | null
} & {
  preset: Preset
  name: string
  /** An existing secret. Without it, `withFreshSecret` makes one if the client needs one. */
  secret?: string
}

/**
 * Undefined leaves a field unchanged, null empties it. The preset cannot
 * change: it determines the trust that the id received.
 */
export type ClientChanges = Partial<Omit<ClientInput, 'id' | 'preset'>>

const fields: Readonly<Record<keyof NewClient, true>> = {
  id: true,
  name: true,
  preset: true,
  firstParty: true,
  redirectUris: true,
  postLogoutRedirectUris: true,
  origins: true,
  startUri: true,
  logoUri: true,
  policyUri: true,
  tosUri: true,
  apis: true,
  grants: true,
  profile: true,
  pkce: true,
  tokenEndpointAuthMethod: true,
  secretDigest: true,
  jwks: true,
  jwksUri: true,
  idTokenAlg: true,
  claimsInIdToken: true,
  dpopBound: true,
  requirePar: true,
  backchannelLogoutUri: true,
  backchannelLogoutSessionRequired: true,
  refreshDelivery: true,
  servesApi: true,
  rights: true,
}

/** A complete client with the defaults of its preset. @throws Failure `client_invalid`; `detail.faults` has one sentence per fault. */
export function newClient(input: ClientInput): NewClient {
  const given = asRecord(input)
  const stated = said(given, [undefined, null])
  return checked({ ...inProfile(stated, { ...defaultsOf(given), ...stated }), ...stated }, given, 'client')
}

/** The whole client after the change. @throws Failure `client_invalid` like `newClient`. */
export function changedClient(client: NewClient, changes: ClientChanges): NewClient {
  const given = said(asRecord(changes))
  const before: Draft = Object.fromEntries(
    Object.keys(fields).map((field) => [field, client[field as keyof NewClient]]),
  )
  const draft: Draft = {
    ...inProfile(given, { ...before, ...withFirstApi(before, given), ...given }),
    ...given,
    ...withoutLeftSecret(before, given),
  }
  const moved = ['id', 'preset'].filter((field) => field in given && given[field] !== before[field])
  return checked(
    draft,
    given,
    'change',
    moved.map((field) => `${quoted(field)}: it cannot change; add another client.`),
  )
}

/** The draft with the settings of a newly given profile. */
const inProfile = (given: Draft, draft: Draft): Draft =>
  given.profile === 'strict' ? { ...draft, ...strictSettings(draft) } : draft

/** Userinfo refuses tokens for an API, so an app with its first API gets the claims in its ID token. */
function withFirstApi(before: Draft, given: Draft): Draft {
  const isFirst = (before.apis as string[]).length === 0 && Array.isArray(given.apis) && given.apis.length > 0
  const isSignIn = usesRedirects({ grants: before.grants as string[] })
  return isFirst && isSignIn && before.profile !== 'strict' ? { claimsInIdToken: true } : {}
}

// A client that changes to private_key_jwt, or becomes public, loses its secret.
function withoutLeftSecret(before: Draft, given: Draft): Record<string, unknown> {
  const method = given.tokenEndpointAuthMethod ?? before.tokenEndpointAuthMethod
  return (method === 'private_key_jwt' || method === 'none') && given.secretDigest === undefined
    ? { secretDigest: undefined }
    : {}
}

function checked(draft: Draft, given: Draft, what: string, moreFaults: string[] = []): NewClient {
  const { secret, ...rest } = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== null))
  const secretFault = secret === undefined ? undefined : ownSecretFault(secret)
  const filled: Draft =
    secret === undefined || secretFault ? rest : { ...rest, secretDigest: digestOfSecret(secret as string) }
  const faults = [
    ...Object.keys(given)
      .filter((field) => !(Object.hasOwn(fields, field) || field === 'secret'))
      .slice(0, 20)
      .map(unknownField),
    ...moreFaults,
    ...clientFaults(filled),
    ...(secretFault ? [`Secret: ${secretFault}.`] : []),
  ]
  if (faults.length > 0) {
    throw new Failure('client_invalid', 'invalid', `This ${what} cannot be accepted. ${faults.join(' ')}`, {
      detail: { faults },
    })
  }
  return asClient(filled)
}

function unknownField(field: string): string {
  const near = Object.keys(fields).find(
    (known) => letters(known) === letters(field) || letters(known) === `${letters(field)}s`,
  )
  return `${quoted(field, 60)}: a client has no such field${near ? `; did you mean "${near}"?` : '.'}`
}

const letters = (word: string): string =>
  word
    .slice(0, 60)
    .toLowerCase()
    .replace(/[^a-z]/g, '')

function defaultsOf(given: Draft): Draft {
  const preset =
    typeof given.preset === 'string' && Object.hasOwn(presetRules, given.preset) ? (given.preset as Preset) : 'spa'
  return {
    id: newClientId(typeof given.name === 'string' ? given.name : '', preset),
    firstParty: false,
    redirectUris: [],
    postLogoutRedirectUris: [],
    origins: [],
    apis: [],
    grants: presetRules[preset].grantTypes,
    profile: 'standard',
    tokenEndpointAuthMethod: presetRules[preset].authMethods[0],
    ...presetRules[preset].defaults,
    dpopBound: false,
    requirePar: false,
    refreshDelivery: 'body',
  }
}

const asRecord = (value: unknown): Draft =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Draft) : {}

/** Drops fields without a value, so that their defaults apply. */
const said = (given: Draft, silence: readonly unknown[] = [undefined]): Draft =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => !silence.includes(value)))

// `clientFaults` checked every field, so the draft is a client. The copy shares no array with the caller.
function asClient(draft: Draft): NewClient {
  const client = draft as unknown as Client
  return {
    id: client.id,
    name: client.name.trim(),
    preset: client.preset,
    firstParty: client.firstParty,
    redirectUris: [...client.redirectUris],
    postLogoutRedirectUris: [...client.postLogoutRedirectUris],
    origins: [...client.origins],
    startUri: client.startUri,
    logoUri: client.logoUri,
    policyUri: client.policyUri,
    tosUri: client.tosUri,
    apis: [...client.apis],
    grants: [...client.grants],
    profile: client.profile,
    pkce: client.pkce,
    tokenEndpointAuthMethod: client.tokenEndpointAuthMethod,
    secretDigest: client.secretDigest,
    jwks: client.jwks && structuredClone(client.jwks),
    jwksUri: client.jwksUri,
    idTokenAlg: client.idTokenAlg,
    claimsInIdToken: client.claimsInIdToken,
    dpopBound: client.dpopBound,
    requirePar: client.requirePar,
    backchannelLogoutUri: client.backchannelLogoutUri,
    backchannelLogoutSessionRequired: client.backchannelLogoutSessionRequired,
    refreshDelivery: client.refreshDelivery,
    ...(client.servesApi === undefined ? {} : { servesApi: client.servesApi }),
    ...(client.rights === undefined ? {} : { rights: [...client.rights] }),
  }
}
