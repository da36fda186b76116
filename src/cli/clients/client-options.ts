/** The options that adding and changing a client share, and the fields of the clients room that they set. */
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

/** A switch with a negative form. Without either option the setting stays unchanged. */
export function withSwitch(command: Command, name: string, text: string): Command {
  return command
    .addOption(new Option(`--${name}`, text))
    .addOption(new Option(`--no-${name}`, `undo --${name}`).hideHelp())
}

export function withClientOptions(command: Command): Command {
  command
    .option('--redirect-uri <uri>', 'where people return to after signing in (repeat for more)', collect)
    .option('--post-logout-redirect-uri <uri>', 'where they return to after signing out (repeat for more)', collect)
    .option(
      '--origin <origin>',
      'an origin that may call this issuer from a browser, besides those of redirect URIs (repeat for more)',
      collect,
    )
    .option('--api <audience>', 'an API it may call; the first is the default (repeat for more)', collect)
    .option(
      '--right <right>',
      'a right of a service: shared-signals (receive security events), global-token-revocation (sign people out) (repeat for more)',
      collect,
    )
    .option('--start-uri <uri>', 'page of the app that starts a new sign-in')
    .option('--logo-uri <uri>', 'URI of its logo')
    .option('--policy-uri <uri>', 'URI of its privacy policy')
    .option('--tos-uri <uri>', 'URI of its terms of service')
    .addOption(
      new Option(
        '--pkce <rule>',
        'or-nonce: PKCE, or openid with a nonce; optional: neither; both for confidential clients only (default: required, of a web client or-nonce)',
      ).choices(pkceRules),
    )
    .addOption(
      new Option(
        '--token-endpoint-auth-method <method>',
        'how it authenticates; client_secret: by HTTP Basic or in the form (default: client_secret, of a public client none)',
      ).choices(authMethods),
    )
    .option('--jwks-file <path>', 'its public keys (a JWKS), for private_key_jwt')
    .option('--jwks-uri <uri>', 'URI of its public keys')
    .option('--backchannel-logout-uri <uri>', 'where its server receives logout tokens')
    .option('--id-token-alg <alg>', 'signing algorithm of its ID tokens (default: RS256)')
    .addOption(
      new Option(
        '--refresh-delivery <way>',
        'how an spa receives its refresh token; a cookie requires an app on the same site as the issuer (default: body)',
      ).choices(refreshDeliveries),
    )
  withSwitch(command, 'first-party', 'a first-party app: no consent page')
  command
    .option('--grant <grant>', 'grant type, instead of those of its preset (repeat for more)', collect)
    .addOption(
      new Option(
        '--profile <profile>',
        'strict: PKCE required, one authentication method, ES256, no claims in the ID token',
      ).choices(clientProfiles),
    )
    .addOption(
      new Option(
        '--claims-in-id-token [state]',
        'put the claims of granted scopes into the ID token, not only at userinfo (default: on for apps with a sign-in)',
      )
        .choices(['on', 'off'])
        .preset('on'),
    )
    .addOption(new Option('--no-claims-in-id-token', 'the same as --claims-in-id-token off').hideHelp())
  withSwitch(command, 'dpop-bound', 'require access tokens bound by DPoP')
  withSwitch(command, 'require-par', 'require pushed authorization requests (PAR)')
  return withSwitch(
    command,
    'backchannel-logout-session-required',
    'logout tokens name the ended session; without it, they end every session of the person at the app',
  )
}

// The field of the clients room that each option sets.
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
 * The fields of the given options. Other fields keep their value, or the default of the preset.
 * An empty URI clears the field. `jwks` and `jwksUri` replace each other.
 */
export async function changesOf(options: ClientOptions): Promise<ClientChanges> {
  const changes: Partial<Record<keyof ClientChanges, unknown>> = {}
  for (const [option, field] of Object.entries(plainFields) as [keyof typeof plainFields, keyof ClientChanges][]) {
    if (options[option] !== undefined) changes[field] = options[option]
  }
  if (options.grant) changes.grants = options.grant.map(grantTypeNamed)
  if (options.claimsInIdToken !== undefined) changes.claimsInIdToken = options.claimsInIdToken === 'on'
  if (options.jwksUri) changes.jwks = null
  if (options.jwksFile !== undefined) {
    changes.jwksUri = null
    changes.jwks = await readJwks(options.jwksFile)
  }
  for (const field of uriFields) if (options[field] !== undefined) changes[field] = options[field] || null
  return changes as ClientChanges
}

/** The input for a new client, without cleared fields. */
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
