/** The defaults and limits of each preset, in one table for comparison. */
import type { Client, Preset } from './client.ts'
import { deviceCodeGrant, type GrantType } from './grant-types.ts'

export type ResponseMode = 'query' | 'fragment' | 'form_post'
type AuthMethod = Client['tokenEndpointAuthMethod']

export interface PresetRules {
  /** Grant types of a new client; `mayHave` lists those that it may get later. */
  readonly grantTypes: readonly GrantType[]
  readonly mayHave: readonly GrantType[]
  /** The first is the default. */
  readonly authMethods: readonly AuthMethod[]
  readonly applicationType: 'web' | 'native'
  /** Allowed response modes; the first is OAuth's default for a code. */
  readonly responseModes: readonly ResponseMode[]
  /** Settings of a new client that an administrator did not set. */
  readonly defaults: Pick<Client, 'pkce' | 'idTokenAlg' | 'claimsInIdToken'>
}

const codeFlow = ['authorization_code', 'refresh_token'] as const
const confidential: readonly AuthMethod[] = [
  'client_secret',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
]

export const presetRules: Readonly<Record<Preset, PresetRules>> = {
  spa: {
    grantTypes: codeFlow,
    mayHave: codeFlow,
    authMethods: ['none'],
    applicationType: 'web',
    responseModes: ['query', 'fragment'],
    defaults: { pkce: 'required', idTokenAlg: 'RS256', claimsInIdToken: true },
  },
  web: {
    grantTypes: codeFlow,
    mayHave: [...codeFlow, 'client_credentials', deviceCodeGrant],
    authMethods: confidential,
    applicationType: 'web',
    responseModes: ['query', 'form_post'],
    defaults: { pkce: 'or-nonce', idTokenAlg: 'RS256', claimsInIdToken: true },
  },
  native: {
    grantTypes: codeFlow,
    mayHave: [...codeFlow, deviceCodeGrant],
    authMethods: ['none'],
    applicationType: 'native',
    responseModes: ['query'],
    defaults: { pkce: 'required', idTokenAlg: 'RS256', claimsInIdToken: true },
  },
  service: {
    grantTypes: ['client_credentials'],
    mayHave: ['client_credentials'],
    authMethods: confidential,
    applicationType: 'web',
    responseModes: [],
    defaults: { pkce: 'required', idTokenAlg: 'ES256', claimsInIdToken: false },
  },
  device: {
    grantTypes: [deviceCodeGrant, 'refresh_token'],
    mayHave: [deviceCodeGrant, 'refresh_token', 'client_credentials'],
    authMethods: ['none', ...confidential],
    applicationType: 'native',
    responseModes: [],
    defaults: { pkce: 'required', idTokenAlg: 'RS256', claimsInIdToken: false },
  },
}

/** Does the client's preset allow this mode? A request without a mode gets OAuth's default for a code, `query`. */
export const isResponseModeAllowed = ({ preset }: Pick<Client, 'preset'>, mode: unknown): boolean =>
  mode === undefined || (presetRules[preset].responseModes as readonly unknown[]).includes(mode)
