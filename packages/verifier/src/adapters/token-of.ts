/** Passes the verified token from an adapter to its route, typed, in any framework. */
import type { VerifiedToken } from '../verdict.ts'

const tokens = new WeakMap<object, VerifiedToken>()

/** For adapters. */
export function rememberToken(request: object, token: VerifiedToken): void {
  tokens.set(request, token)
}

/**
 * The token that an adapter accepted for this request: Koa's `ctx`, Express's and
 * Fastify's `request`, Hono's `c`.
 * @throws Error when no adapter guards the route, so that a forgotten adapter is noticed
 */
export function tokenOf(request: object): VerifiedToken {
  const token = tokens.get(request)
  if (!token) throw new Error('no access token was verified for this request: the route is not guarded')
  return token
}
