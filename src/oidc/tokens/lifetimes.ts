/** How long everything lives: one place, from the configuration to the engine's `ttl`. */
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

/** An ID token is read once, at the sign-in it tells of. */
export const idTokenSeconds = 3600

const now = () => Math.floor(Date.now() / 1000)

/** Minutes for what is exchanged at once (RFC 6749 §4.1.2 wants at most ten for codes). */
const fixed = { AuthorizationCode: 60, DeviceCode: 600, IdToken: idTokenSeconds, Interaction: interactionSeconds }

interface Aged {
  iiat?: number
  loginTs?: number
}

/**
 * A grant outlives every refresh token that may still be made from it: a session
 * as old as sessions get may start a refresh token that lives its whole life.
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
    /** Idle time anew with each rotation, never past the life of the first one. */
    RefreshToken: (_ctx: KoaContextWithOIDC, token: Aged) =>
      remaining(lifetimes.refreshTokenIdleSeconds, token.iiat, lifetimes.refreshTokenSeconds),
    /** Idle time anew with each visit, never past the life counted from the sign-in. */
    Session: (_ctx: KoaContextWithOIDC, session: Aged) =>
      remaining(lifetimes.sessionIdleSeconds, session.loginTs, lifetimes.sessionSeconds),
  }
}

function remaining(idleSeconds: number, since: number | undefined, limitSeconds: number): number {
  const left = since === undefined ? limitSeconds : since + limitSeconds - now()
  return Math.max(1, Math.min(idleSeconds, left))
}
