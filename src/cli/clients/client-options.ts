/** The options that adding and changing a client share, and what they mean to the clients room. */
import { type Command, Option } from 'commander'
import { authMethods, type Client, pkceRules, refreshDeliveries } from '../../clients/client.ts'
import { clientProfiles } from '../../clients/client-profile.ts'
import { grantTypeNamed } from '../../clients/grant-types.ts'
import type { ClientChanges, ClientInput } from '../../clients/new-client.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import { collect } from '../option-values.ts'
import { readSecretFile } from '../secret-input.ts'

export interface ClientOptions {
  name?: string
  redirectUri?: string[]
  postLogoutRedirectUri?: string[]
  origin?: string[]
  api?: string[]
  firstParty?: boolean
  startUri?: string
  logoUri?: string
  policyUri?: string
  tosUri?: string
  grant?: string[]
  profile?: Client['profile']
  pkce?: Client['pkce']
  tokenEndpointAuthMethod?: Client['tokenEndpointAuthMethod']
  jwksFile?: string
  jwksUri?: string
  idTokenAlg?: string
  claimsInIdToken?: 'on' | 'off' | false
  dpopBound?: boolean
  requirePar?: boolean
  backchannelLogoutUri?: string
  backchannelLogoutSessionRequired?: boolean
  refreshDelivery?: Client['refreshDelivery']
  right?: string[]
}

/** A switch that can be put either way; left out, it stays as it is. */
export function withSwitch(command: Command, name: string, text: string): Command {
  return command
    .addOption(new Option(`--${name}`, text))
    .addOption(new Option(`--no-${name}`, `take back --${name}`).hideHelp())
}

export function withClientOptions(command: Command): Command {
  command
    .option('--redirect-uri <uri>', 'where people return to after signing in (repeat for more)', collect)
    .option('--post-logout-redirect-uri <uri>', 'where they return to after signing out (repeat for more)', collect)
    .option(
      '--origin <origin>',
      'a page that may call us from a browser, besides those of redirect URIs (repeat for more)',
      collect,
    )
    .option('--api <audience>', 'an API it may call; the first is the default (repeat for more)', collect)
    .option(
      '--right <right>',
      'what a service may ask of Claviger itself: shared-signals (hear of what ends), global-token-revocation (sign people out) (repeat for more)',
      collect,
    )
    .option('--start-uri <uri>', 'where a person starts a new sign-in at this app')
    .option('--logo-uri <uri>', 'its picture')
    .option('--policy-uri <uri>', 'its privacy policy')
    .option('--tos-uri <uri>', 'its terms of service')
    .addOption(
      new Option(
        '--pkce <rule>',
        'or-nonce: PKCE, or openid with a nonce; optional: neither; both for confidential clients only (default: required, of a web client or-nonce)',
      ).choices(pkceRules),
    )
    .addOption(
      new Option(
        '--token-endpoint-auth-method <method>',
        'how it proves itself; client_secret: by HTTP Basic or in the form (default: client_secret, of a public client none)',
      ).choices(authMethods),
    )
    .option('--jwks-file <path>', 'its public keys (a JWKS), for private_key_jwt')
    .option('--jwks-uri <uri>', 'where its public keys are found')
    .option('--backchannel-logout-uri <uri>', 'where its server is told that a session has ended')
    .option('--id-token-alg <alg>', 'what its ID tokens are signed with (default: RS256)')
    .addOption(
      new Option(
        '--refresh-delivery <way>',
        'where an spa gets its refresh token; a cookie is for an app on the same site as the issuer (default: body)',
      ).choices(refreshDeliveries),
    )
  withSwitch(command, 'first-party', 'a first-party app: people are never asked for consent')
  command
    .option('--grant <grant>', 'what it gets tokens by, in place of its preset (repeat for more)', collect)
    .addOption(
      new Option(
        '--profile <profile>',
        'strict: PKCE required, one authentication method, ES256, no claims in the ID token',
      ).choices(clientProfiles),
    )
    .addOption(
      new Option(
        '--claims-in-id-token [state]',
        'whether the claims of granted scopes are in the ID token, not at userinfo alone (default: on, where people sign in by a browser)',
      )
        .choices(['on', 'off'])
        .preset('on'),
    )
    .addOption(new Option('--no-claims-in-id-token', 'the same as --claims-in-id-token off').hideHelp())
  withSwitch(command, 'dpop-bound', 'its access tokens are bound by DPoP')
  withSwitch(command, 'require-par', 'it must push its authorization requests (PAR)')
  return withSwitch(
    command,
    'backchannel-logout-session-required',
    'its server is told which session has ended; without it, all of the person end there',
  )
}

// What each option is called in the clients room.
const plainFields = {
  name: 'name',
  redirectUri: 'redirectUris',
  postLogoutRedirectUri: 'postLogoutRedirectUris',
  origin: 'origins',
  api: 'apis',
  firstParty: 'firstParty',
  profile: 'profile',
  pkce: 'pkce',
  tokenEndpointAuthMethod: 'tokenEndpointAuthMethod',
  idTokenAlg: 'idTokenAlg',
  dpopBound: 'dpopBound',
  requirePar: 'requirePar',
  backchannelLogoutSessionRequired: 'backchannelLogoutSessionRequired',
  refreshDelivery: 'refreshDelivery',
  right: 'rights',
} as const satisfies Partial<Record<keyof ClientOptions, keyof ClientChanges>>

const uriFields = ['startUri', 'logoUri', 'policyUri', 'tosUri', 'jwksUri', 'backchannelLogoutUri'] as const

/**
 * Only what was said: the clients room takes what is left out as it stands, or by its preset.
 * An empty URI clears it; keys and their URI replace one another.
 */
export async function saidOf(options: ClientOptions): Promise<ClientChanges> {
  const said: Partial<Record<keyof ClientChanges, unknown>> = {}
  for (const [option, field] of Object.entries(plainFields) as [keyof typeof plainFields, keyof ClientChanges][]) {
    if (options[option] !== undefined) said[field] = options[option]
  }
  if (options.grant) said.grants = options.grant.map(grantTypeNamed)
  if (options.claimsInIdToken !== undefined) said.claimsInIdToken = options.claimsInIdToken === 'on'
  if (options.jwksUri) said.jwks = null
  if (options.jwksFile !== undefined) {
    said.jwksUri = null
    said.jwks = await readJwks(options.jwksFile)
  }
  for (const field of uriFields) if (options[field] !== undefined) said[field] = options[field] || null
  return said as ClientChanges
}

/** A new client has nothing to clear. */
export const givenOf = (changes: ClientChanges): Partial<ClientInput> =>
  Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null)) as Partial<ClientInput>

async function readJwks(path: string): Promise<NonNullable<Client['jwks']>> {
  const text = await readSecretFile(path, 'JWKS')
  try {
    return JSON.parse(text) as NonNullable<Client['jwks']>
  } catch (cause) {
    throw new Failure('jwks_malformed', 'invalid', `The JWKS file ${quoted(path)} is not valid JSON.`, { cause })
  }
}
