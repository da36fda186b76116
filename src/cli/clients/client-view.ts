/** How commands name a client, and how they show one. */
import type { Client } from '../../clients/client.ts'
import { shortGrantType } from '../../clients/grant-types.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import type { Desk } from '../desk.ts'
import { dated } from '../moment.ts'
import type { Printer } from '../printer.ts'

/** @throws Failure `client_missing`. */
export async function getClient(desk: Pick<Desk, 'clients'>, id: string): Promise<Client> {
  const client = await desk.clients.find(id)
  if (client) return client
  throw new Failure(
    'client_missing',
    'missing',
    `There is no client ${quoted(id)}; 'claviger clients list' lists them.`,
  )
}

/** The JSON of a client, without its secret. */
export const clientJson = (client: Client) => ({
  client_id: client.id,
  name: client.name,
  preset: client.preset,
  first_party: client.firstParty,
  redirect_uris: client.redirectUris,
  post_logout_redirect_uris: client.postLogoutRedirectUris,
  origins: client.origins,
  start_uri: client.startUri ?? null,
  logo_uri: client.logoUri ?? null,
  policy_uri: client.policyUri ?? null,
  tos_uri: client.tosUri ?? null,
  apis: client.apis,
  grant_types: client.grants,
  profile: client.profile,
  pkce: client.pkce,
  token_endpoint_auth_method: client.tokenEndpointAuthMethod,
  has_secret: client.secretDigest !== undefined,
  secret_rotated_at: client.secretRotatedAt ?? null,
  previous_secret_until: client.previousSecret?.until ?? null,
  jwks: client.jwks ?? null,
  jwks_uri: client.jwksUri ?? null,
  id_token_alg: client.idTokenAlg,
  claims_in_id_token: client.claimsInIdToken,
  dpop_bound: client.dpopBound,
  require_par: client.requirePar,
  backchannel_logout_uri: client.backchannelLogoutUri ?? null,
  backchannel_logout_session_required: client.backchannelLogoutSessionRequired ?? false,
  refresh_delivery: client.refreshDelivery,
  rights: client.rights ?? [],
  serves_api: client.servesApi ?? null,
  created_at: client.createdAt,
  updated_at: client.updatedAt,
})

const methodText = {
  none: 'none (public client)',
  client_secret: 'client_secret_basic or client_secret_post',
  client_secret_basic: 'client_secret_basic only',
  client_secret_post: 'client_secret_post only',
  private_key_jwt: 'private_key_jwt',
} as const satisfies Record<Client['tokenEndpointAuthMethod'], string>

const pkceText = {
  required: 'required',
  'or-nonce': 'PKCE, or openid with a nonce',
  optional: 'optional',
} as const satisfies Record<Client['pkce'], string>

/** The secret before the last rotation, while it is still accepted. */
export const livingPreviousSecret = ({ previousSecret }: Client, now: Date): Client['previousSecret'] =>
  previousSecret && previousSecret.until > now ? previousSecret : undefined

const yes = (value: boolean, text: string): string | undefined => (value ? text : undefined)

const logoutUriText = ({
  backchannelLogoutUri: uri,
  backchannelLogoutSessionRequired: isOne,
}: Client): string | undefined => uri && `${uri} (${isOne ? 'one session' : 'every session of the person'})`

export function printClient(printer: Printer, client: Client): void {
  const now = printer.now()
  const previous = livingPreviousSecret(client, now)
  printer.fields([
    ['client_id', { text: client.id, tone: 'strong' }],
    ['name', client.name],
    ['preset', `${client.preset}${client.firstParty ? ', first-party (no consent page)' : ''}`],
    ['redirect URIs', client.redirectUris],
    ['after sign-out', client.postLogoutRedirectUris],
    ['logout tokens', logoutUriText(client)],
    ['origins', client.origins],
    ['start', client.startUri],
    ['logo', client.logoUri],
    ['policy', client.policyUri],
    ['terms', client.tosUri],
    ['APIs', client.apis.length > 0 ? client.apis : 'none: its access tokens are opaque, for userinfo'],
    ['grants', client.grants.map(shortGrantType).join(', ')],
    ['profile', client.profile === 'strict' ? 'strict' : undefined],
    ['authenticates by', methodText[client.tokenEndpointAuthMethod]],
    ['secret', client.secretRotatedAt && `accepted since ${dated(client.secretRotatedAt, now)}`],
    ['old secret', previous && `accepted until ${dated(previous.until, now)}`],
    ['keys', client.jwksUri ?? (client.jwks && `${client.jwks.keys.length} registered`)],
    ['PKCE', pkceText[client.pkce]],
    ['refresh token', client.refreshDelivery === 'cookie' ? 'in a cookie, for pages of its origins' : undefined],
    ['ID token', `${client.idTokenAlg}, ${client.claimsInIdToken ? 'with' : 'without'} the claims of granted scopes`],
    ['requires', [yes(client.dpopBound, 'DPoP'), yes(client.requirePar, 'PAR')].filter((text) => text !== undefined)],
    ['rights', client.rights ?? []],
    ['credentials of', client.servesApi],
    ['added', dated(client.createdAt, now)],
    ['changed', client.updatedAt.getTime() === client.createdAt.getTime() ? undefined : dated(client.updatedAt, now)],
  ])
}

/** Prints a new secret, the only time that it is shown. */
export function printSecret(printer: Printer, secret: string): void {
  printer.line()
  printer.line('client_secret  ', { text: secret, tone: 'strong' })
  printer.note('The secret is shown only once. Store it in the configuration of the app.')
}
