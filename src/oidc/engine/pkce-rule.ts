/** Decides which code requests need PKCE, and names the remedy when an app sends none. */
import { type Client as EngineClient, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Client } from '../../clients/client.ts'
import { isStrict } from '../../clients/client-profile.ts'
import { isLoopback } from '../../config/parsers.ts'
import { recordOf } from './engine-clients.ts'
import { withRemedy } from './remedy.ts'

/**
 * The engine calls this for a code request without a `code_challenge`. It always enforces a challenge that was sent. It
 * also refuses a `code_verifier` without a challenge, so that an attacker cannot remove the challenge (RFC 9700
 * §2.1.1).
 * @throws InvalidRequest with the remedy, when neither PKCE nor a nonce protects the request
 */
export function isPkceMissing({ oidc }: KoaContextWithOIDC, client: EngineClient): boolean {
  const record = recordOf(client)
  const hasNonce = Boolean(oidc.params?.nonce) && oidc.requestParamScopes.has('openid')
  if (record.pkce === 'optional' || (record.pkce === 'or-nonce' && hasNonce)) return false
  const remedy = remedyFor(record)
  const sentence = `this request needs ${wanted[record.pkce]}`
  // On a loopback issuer, a developer sets an app up and reads its error page, so the error names the remedy.
  const isDevelopment = isLoopback(new URL(oidc.issuer).hostname)
  throw withRemedy(new errors.InvalidRequest(isDevelopment ? `${sentence}. ${remedy}` : sentence), remedy)
}

const wanted = {
  required: 'PKCE (code_challenge with code_challenge_method=S256)',
  'or-nonce': 'PKCE (code_challenge with code_challenge_method=S256), or scope openid with a nonce',
}

function remedyFor(record: Client): string {
  const { id, pkce, tokenEndpointAuthMethod } = record
  const inApp = 'Turn PKCE (S256) on in the app'
  if (tokenEndpointAuthMethod === 'none') return `${inApp}.`
  if (isStrict(record)) return `${inApp}. The profile strict of this client needs it.`
  const looser = pkce === 'required' ? 'or-nonce' : 'optional'
  return `${inApp}, or run: claviger clients set ${id} --pkce ${looser}`
}
