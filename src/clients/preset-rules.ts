/** What each kind of app is given, and what it may be. One table, so that presets can be compared at a glance. */
import type { Client, Preset } from './client.ts'

export type ResponseMode = 'query' | 'fragment' | 'form_post'
type AuthMethod = Client['tokenEndpointAuthMethod']

export interface PresetRules {
  /** Grant types, in the engine's words. */
  readonly grantTypes: readonly string[]
  /** The first is the default. */
  readonly authMethods: readonly AuthMethod[]
  /** Sends a browser to the authorization endpoint, so it has redirect URIs. */
  readonly redirects: boolean
  readonly applicationType: 'web' | 'native'
  /** How an authorization response may travel; the first is OAuth's default for a code. */
  readonly responseModes: readonly ResponseMode[]
}

const codeFlow = ['authorization_code', 'refresh_token']
const confidential: readonly AuthMethod[] = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']

export const presetRules: Readonly<Record<Preset, PresetRules>> = {
  spa: {
    grantTypes: codeFlow,
    authMethods: ['none'],
    redirects: true,
    applicationType: 'web',
    responseModes: ['query', 'fragment'],
  },
  web: {
    grantTypes: codeFlow,
    authMethods: confidential,
    redirects: true,
    applicationType: 'web',
    responseModes: ['query', 'form_post'],
  },
  native: {
    grantTypes: codeFlow,
    authMethods: ['none'],
    redirects: true,
    applicationType: 'native',
    responseModes: ['query'],
  },
  service: {
    grantTypes: ['client_credentials'],
    authMethods: confidential,
    redirects: false,
    applicationType: 'web',
    responseModes: [],
  },
  device: {
    grantTypes: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    authMethods: ['none'],
    redirects: false,
    applicationType: 'native',
    responseModes: [],
  },
}

/** By the client's preset. A request without a mode gets OAuth's default for a code, `query`. */
export const isResponseModeAllowed = ({ preset }: Pick<Client, 'preset'>, mode: unknown): boolean =>
  mode === undefined || (presetRules[preset].responseModes as readonly unknown[]).includes(mode)
