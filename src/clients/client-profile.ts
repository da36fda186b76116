/** A word that sets several security settings of a client together, and then holds them. */
import type { Client } from './client.ts'

export const clientProfiles = ['standard', 'strict'] as const
export type ClientProfile = (typeof clientProfiles)[number]

type Draft = Readonly<Record<string, unknown>>

/** What `strict` sets where nothing else is said. The authentication method stays where it is one method already. */
export const strictSettings = (draft: Draft): Draft => ({
  pkce: 'required',
  idTokenAlg: 'ES256',
  claimsInIdToken: false,
  ...(draft.tokenEndpointAuthMethod === 'client_secret' ? { tokenEndpointAuthMethod: 'client_secret_basic' } : {}),
})

/** Phrases, one for each setting that is weaker than `strict` allows. */
export function profileFaults(draft: Draft): string[] {
  if (!(clientProfiles as readonly unknown[]).includes(draft.profile)) {
    return [`Profile: write ${clientProfiles.join(' or ')}`]
  }
  if (draft.profile === 'standard') return []
  const weaker: [boolean, string][] = [
    [draft.pkce !== 'required', 'PKCE required (--pkce required)'],
    [draft.tokenEndpointAuthMethod === 'client_secret', 'one authentication method (--token-endpoint-auth-method)'],
    [draft.idTokenAlg === 'RS256', 'an ID token algorithm other than RS256 (--id-token-alg ES256)'],
    [draft.claimsInIdToken === true, 'no claims in the ID token (--claims-in-id-token off)'],
  ]
  return weaker
    .filter(([isWeaker]) => isWeaker)
    .map(([, wanted]) => `Profile strict: it needs ${wanted}; or leave the profile with --profile standard`)
}

export const isStrict = ({ profile }: Pick<Client, 'profile'>): boolean => profile === 'strict'
