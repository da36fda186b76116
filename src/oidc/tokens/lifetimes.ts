/** All lifetimes, from the configuration to the engine's `ttl`. */
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Config } from '../../config/config.ts'

export type Lifetimes = Pick<
  Config,
  | 'accessTokenSeconds'
  | 'refreshTokenIdleSeconds'
  | 'refreshTokenSeconds'
  | 'sessionIdleSeconds'
  | 'sessionSeconds'
  | 'refreshGraceSeconds'
>

/** A sign-in page may stay open this long. */
export const interactionSeconds = 3600

/** An app reads an ID token once, at the sign-in. */
export const idTokenSeconds = 3600

const now = () => Math.floor(Date.now() / 1000)

/** Minutes for values that are exchanged at once (RFC 6749 §4.1.2 recommends at most ten for codes). */
const fixed = { AuthorizationCode: 60, DeviceCode: 600, IdToken: idTokenSeconds, Interaction: interactionSeconds }

interface Aged {
  iiat?: number
  loginTs?: number
}

/**
 * A grant outlives every refresh token that may still be issued under it. A session at its greatest age may start a
 * refresh token with a full lifetime.
 */
export const grantSeconds = (lifetimes: Lifetimes) => lifetimes.sessionSeconds + lifetimes.refreshTokenSeconds

export function engineTtl(lifetimes: Lifetimes) {
  return {
    ...fixed,
    Grant: grantSeconds(lifetimes),
    AccessToken: (_ctx: KoaContextWithOIDC, token: { resourceServer?: { accessTokenTTL?: number } }) =>
      token.resourceServer?.accessTokenTTL ?? lifetimes.accessTokenSeconds,
    ClientCredentials: (_ctx: KoaContextWithOIDC, token: { resourceServer?: { accessTokenTTL?: number } }) =>
      token.resourceServer?.accessTokenTTL ?? lifetimes.accessTokenSeconds,
    /** The idle time restarts with each rotation, but never exceeds the lifetime of the first refresh token. */
    RefreshToken: (_ctx: KoaContextWithOIDC, token: Aged) =>
      remaining(lifetimes.refreshTokenIdleSeconds, token.iiat, lifetimes.refreshTokenSeconds),
    /** The idle time restarts with each visit, but never exceeds the session lifetime since the sign-in. */
    Session: (_ctx: KoaContextWithOIDC, session: Aged) =>
      remaining(lifetimes.sessionIdleSeconds, session.loginTs, lifetimes.sessionSeconds),
  }
}

function remaining(idleSeconds: number, since: number | undefined, limitSeconds: number): number {
  const left = since === undefined ? limitSeconds : since + limitSeconds - now()
  return Math.max(1, Math.min(idleSeconds, left))
}
