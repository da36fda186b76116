/** Every rule of a client, checked on an untyped draft, whose fields may have any value. */
import { isPlainText, quoted } from '../events/plain-text.ts'
import { audienceFault } from './audience.ts'
import { type Preset, pkceRules, presets, refreshDeliveries } from './client.ts'
import { clientIdPattern } from './client-id.ts'
import { jwksFaults } from './client-jwks.ts'
import { profileFaults } from './client-profile.ts'
import { grantFaults, usesRedirects } from './grant-types.ts'
import { type PresetRules, presetRules } from './preset-rules.ts'
import { redirectUriFault } from './redirect-uri.ts'
import { rights } from './rights.ts'
import { signingAlgs } from './signing-algs.ts'
import { originFault, pageUriFault } from './uri-faults.ts'

/** An unchecked client. */
export type Draft = Readonly<Record<string, unknown>>

const nameLimit = 200
const listLimit = 100

/** One sentence per fault; empty when the draft is a valid client. */
export function clientFaults(draft: Draft): string[] {
  const preset = draft.preset
  if (!isPreset(preset))
    return [`Preset ${quoted(preset)}: there is no such preset; choose one of ${presets.join(', ')}.`]
  const rules = presetRules[preset]
  return [
    ...idFaults(draft.id),
    ...nameFaults(draft.name),
    ...grantFaults(draft.grants, rules.mayHave, { preset, isPublic: draft.tokenEndpointAuthMethod === 'none' }),
    ...redirectFaults(draft, preset),
    ...listFaults('Origin', draft.origins, originFault),
    ...pageFaults(draft),
    ...listFaults('API', draft.apis, audienceFault),
    ...authenticationFaults(draft, preset, rules),
    ...policyFaults(draft, preset, rules),
    ...logoutFaults(draft, preset),
    ...deliveryFaults(draft, preset),
    ...ownApiFaults(draft, preset),
    ...rightFaults(draft, preset),
    ...profileFaults(draft),
  ].map((fault) => `${fault}.`)
}

const isPreset = (value: unknown): value is Preset => presets.includes(value as Preset)

function idFaults(id: unknown): string[] {
  if (typeof id === 'string' && clientIdPattern.test(id)) return []
  return [
    `Client id ${quoted(id)}: use 1 to 128 letters, digits, ".", "_", "~" or "-", beginning with a letter or digit`,
  ]
}

function nameFaults(name: unknown): string[] {
  if (typeof name !== 'string' || name.trim() === '')
    return ['Name: give the name that people will read on the sign-in page']
  if (name.length > nameLimit) return [`Name: it is longer than ${nameLimit} characters`]
  return isPlainText(name) ? [] : [`Name ${quoted(name)}: it contains control or direction characters; leave them out`]
}

function redirectFaults(draft: Draft, preset: Preset): string[] {
  const fault = (uri: unknown) => redirectUriFault(uri, preset)
  const faults = [
    ...listFaults('Redirect URI', draft.redirectUris, fault),
    ...listFaults('Post-logout redirect URI', draft.postLogoutRedirectUris, fault),
  ]
  const count = (list: unknown): number => (Array.isArray(list) ? list.length : 0)
  // Missing grants are a fault of their own; without them the need for redirects is unknown.
  if (!Array.isArray(draft.grants) || draft.grants.length === 0) return faults
  const redirects = hasRedirects(draft) && presetRules[preset].mayHave.includes('authorization_code')
  if (redirects && Array.isArray(draft.redirectUris) && draft.redirectUris.length === 0) {
    return [...faults, `Redirect URI: a ${preset} client needs at least one, to which people return after signing in`]
  }
  if (!redirects && count(draft.redirectUris) + count(draft.postLogoutRedirectUris) > 0) {
    return [...faults, `Redirect URI: a ${preset} client without authorization_code uses no redirects; leave it out`]
  }
  return faults
}

const hasRedirects = ({ grants }: Draft): boolean => Array.isArray(grants) && usesRedirects({ grants })

function listFaults(what: string, list: unknown, faultOf: (value: unknown) => string | undefined): string[] {
  if (!Array.isArray(list)) return [`${what}: write a list, for example ["…"]`]
  if (list.length > listLimit) return [`${what}: there are more than ${listLimit}`]
  return list.flatMap((value: unknown, index) => {
    const fault = faultOf(value) ?? (list.indexOf(value) < index ? 'it is listed twice; leave one out' : undefined)
    return fault ? [`${what} ${quoted(value)}: ${fault}`] : []
  })
}

const pages = {
  startUri: 'Start URI',
  logoUri: 'Logo URI',
  policyUri: 'Policy URI',
  tosUri: 'Terms URI',
  jwksUri: 'JWKS URI',
  backchannelLogoutUri: 'Back-channel logout URI',
}

function pageFaults(draft: Draft): string[] {
  return Object.entries(pages).flatMap(([field, what]) => {
    const fault = draft[field] === undefined ? undefined : pageUriFault(draft[field])
    return fault ? [`${what} ${quoted(draft[field])}: ${fault}`] : []
  })
}

function authenticationFaults(draft: Draft, preset: Preset, rules: PresetRules): string[] {
  const faults: string[] = []
  const method = draft.tokenEndpointAuthMethod
  if (!(rules.authMethods as readonly unknown[]).includes(method)) {
    faults.push(`Authentication method ${quoted(method)}: a ${preset} client uses ${rules.authMethods.join(' or ')}`)
  }
  const hasKeys = draft.jwks !== undefined || draft.jwksUri !== undefined
  if (draft.jwks !== undefined) faults.push(...jwksFaults(draft.jwks).map((fault) => `JWKS: ${fault}`))
  if (draft.jwks !== undefined && draft.jwksUri !== undefined) faults.push('JWKS: give the keys or their URI, not both')
  if (method === 'private_key_jwt' && !hasKeys)
    faults.push('JWKS: private_key_jwt needs the public keys of the client or their URI')
  if (
    draft.secretDigest !== undefined &&
    !(draft.secretDigest instanceof Uint8Array && draft.secretDigest.length === 32)
  ) {
    faults.push('Secret digest: it must be the 32 bytes of a SHA-256')
  }
  if (draft.secretDigest !== undefined && (method === 'none' || method === 'private_key_jwt')) {
    faults.push(`Secret: a client with authentication method ${method} has none; leave it out`)
  }
  return faults
}

function logoutFaults(draft: Draft, preset: Preset): string[] {
  const { backchannelLogoutUri: uri, backchannelLogoutSessionRequired: isSessionRequired } = draft
  const faults: string[] = []
  if (uri !== undefined && preset === 'service')
    faults.push('Back-channel logout URI: a service client has no sessions of people; leave it out')
  if (isSessionRequired !== undefined && typeof isSessionRequired !== 'boolean')
    faults.push(`backchannelLogoutSessionRequired ${quoted(isSessionRequired)}: write true or false`)
  return faults
}

function ownApiFaults({ servesApi }: Draft, preset: Preset): string[] {
  if (servesApi === undefined) return []
  if (preset !== 'service') return ["servesApi: only a service client can be an API's own credentials; leave it out"]
  const fault = audienceFault(servesApi)
  return fault ? [`servesApi ${quoted(servesApi)}: ${fault}`] : []
}

function rightFaults({ rights: given }: Draft, preset: Preset): string[] {
  if (given === undefined) return []
  const isKnown = (right: unknown) => (rights as readonly unknown[]).includes(right)
  const faults = listFaults('Right', given, (right) =>
    isKnown(right) ? undefined : `there is no such right; choose from ${rights.join(', ')}`,
  )
  return preset === 'service' || faults.length > 0 || (given as unknown[]).length === 0
    ? faults
    : [`Right: only a service client may have rights, and this is a ${preset} client; leave it out`]
}

function policyFaults(draft: Draft, preset: Preset, rules: PresetRules): string[] {
  // If the preset has no public clients, the authentication method is the fault, and no PKCE fault is added.
  const isPublic = draft.tokenEndpointAuthMethod === 'none' && rules.authMethods.includes('none')
  const faults = ['firstParty', 'claimsInIdToken', 'dpopBound', 'requirePar']
    .filter((field) => typeof draft[field] !== 'boolean')
    .map((field) => `${field} ${quoted(draft[field])}: write true or false`)
  if (!(pkceRules as readonly unknown[]).includes(draft.pkce)) {
    faults.push(`PKCE ${quoted(draft.pkce)}: write ${pkceRules.join(', ')}`)
  } else if (draft.pkce !== 'required' && isPublic) {
    faults.push(
      `PKCE: it can be ${draft.pkce} for confidential clients only, and this ${preset} client is public (RFC 9700 §2.1.1)`,
    )
  }
  if (!(signingAlgs as readonly unknown[]).includes(draft.idTokenAlg)) {
    faults.push(`ID token algorithm ${quoted(draft.idTokenAlg)}: choose one of ${signingAlgs.join(', ')}`)
  }
  if (draft.requirePar === true && !hasRedirects(draft)) {
    faults.push(`requirePar: a ${preset} client makes no authorization request to push; leave it out`)
  }
  return faults
}

function deliveryFaults({ refreshDelivery }: Draft, preset: Preset): string[] {
  if (!(refreshDeliveries as readonly unknown[]).includes(refreshDelivery)) {
    return [`Refresh delivery ${quoted(refreshDelivery)}: write ${refreshDeliveries.join(' or ')}`]
  }
  if (refreshDelivery === 'body' || preset === 'spa') return []
  return [
    `Refresh delivery: a cookie is only for spa clients, which run in a browser, and this is a ${preset} client; write body`,
  ]
}
