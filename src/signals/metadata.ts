/** The document at `/.well-known/ssf-configuration` (SSF 1.0 §7.1). */
import { deliveryMethods } from './stream-request.ts'

/** The base URL of stream management, which is also the audience of its access tokens. */
export const signalsOf = (issuer: string): string => `${issuer}/ssf`

export const ssfScopes = { read: 'ssf.read', manage: 'ssf.manage' } as const

export function transmitterMetadata(issuer: string): Record<string, unknown> {
  const base = signalsOf(issuer)
  return {
    spec_version: '1_0',
    issuer,
    jwks_uri: `${issuer}/jwks`,
    delivery_methods_supported: [deliveryMethods.push, deliveryMethods.poll],
    configuration_endpoint: `${base}/streams`,
    status_endpoint: `${base}/status`,
    add_subject_endpoint: `${base}/subjects/add`,
    remove_subject_endpoint: `${base}/subjects/remove`,
    verification_endpoint: `${base}/verification`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
    default_subjects: 'ALL',
  }
}
