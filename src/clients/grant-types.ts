/** Grant types that a client may use (RFC 7591 §2), and their valid combinations. */
import { quoted } from '../events/plain-text.ts'

export const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code'

export const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials', deviceCodeGrant] as const
export type GrantType = (typeof grantTypes)[number]

/** The grant type that an administrator typed; `device_code` is short for its URN. */
export const grantTypeNamed = (word: string): string => (word === 'device_code' ? deviceCodeGrant : word)

/** The short name of a grant type, for people. */
export const shortGrantType = (grant: string): string => (grant === deviceCodeGrant ? 'device_code' : grant)

/** Does the client use the authorization endpoint and redirect URIs? */
export const usesRedirects = ({ grants }: { readonly grants: readonly unknown[] }): boolean =>
  grants.includes('authorization_code')

/** Do people sign in to the client, in a browser or by a device code? */
export const signsPeopleIn = ({ grants }: { readonly grants: readonly unknown[] }): boolean =>
  usesRedirects({ grants }) || grants.includes(deviceCodeGrant)

/** One phrase per fault. @param allowed the grant types of the preset */
export function grantFaults(
  grants: unknown,
  allowed: readonly GrantType[],
  { preset, isPublic }: { preset: string; isPublic: boolean },
): string[] {
  const choices = allowed.map(shortGrantType).join(', ')
  if (!Array.isArray(grants) || grants.length === 0) return [`Grant: name at least one of ${choices}`]
  const strange = grants.filter((grant) => !(allowed as readonly unknown[]).includes(grant))
  if (strange.length > 0) {
    return strange.map((grant) => `Grant ${quoted(grant)}: a ${preset} client may have ${choices}`)
  }
  if (new Set(grants).size < grants.length) return ['Grant: one is listed twice; leave one out']
  const faults: string[] = []
  if (grants.includes('refresh_token') && !signsPeopleIn({ grants })) {
    faults.push('Grant refresh_token: it needs authorization_code or device_code; add one, or leave it out')
  }
  if (grants.includes('client_credentials') && isPublic) {
    faults.push(
      'Grant client_credentials: the client must authenticate; choose an authentication method other than none',
    )
  }
  return faults
}
