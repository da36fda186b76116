/** A profile sets several security settings of a client together and refuses weaker ones later. */
import type { Client } from './client.ts'

export const clientProfiles = ['standard', 'strict'] as const
export type ClientProfile = (typeof clientProfiles)[number]

type Draft = Readonly<Record<string, unknown>>

/** Defaults of `strict`. An authentication method that is already a single method stays. */
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
    .map(([, wanted]) => `Profile strict: it needs ${wanted}; or change the profile with --profile standard`)
}

export const isStrict = ({ profile }: Pick<Client, 'profile'>): boolean => profile === 'strict'
