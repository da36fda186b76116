/** Checks a client's signed assertion beyond the engine's checks (RFC 7523 §3, RFC 10070). */
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import { errors } from 'oidc-provider'

/** A stock of assertions with longer lifetimes would work like a stock of passwords. */
const longestLifeSeconds = 600

interface AssertionClaims {
  aud?: unknown
  exp?: number
  iat?: number
}

export function assertClientAssertion(
  ctx: KoaContextWithOIDC,
  claims: AssertionClaims,
  _header: unknown,
  _client: Client,
): void {
  // The audience must be one string, the issuer. An assertion for another server, or for several, is refused.
  if (claims.aud !== ctx.oidc.issuer) {
    throw new errors.InvalidClientAuth('audience (aud) of the assertion must be the issuer, as a string')
  }
  const now = Math.floor(Date.now() / 1000)
  if (typeof claims.exp !== 'number' || claims.exp > now + longestLifeSeconds) {
    throw new errors.InvalidClientAuth('the assertion must expire within ten minutes')
  }
}
