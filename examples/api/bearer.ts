/** Everything an API needs to accept access tokens: the issuer's published keys, five checks, and honest refusals. */
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Context, Next } from 'koa'

export interface BearerOptions {
  issuer: string
  /** This API's name: a token made for another one is refused. */
  audience: string
}

/** What a verified access token says (RFC 9068 §2.2). */
export interface AccessToken extends JWTPayload {
  sub: string
  client_id: string
  scope: string
}

/** Refuses a request without a valid access token; leaves the token in `ctx.state.token`. */
export function requireToken({ issuer, audience }: BearerOptions) {
  const keysOf = publishedKeys(issuer)
  return async (ctx: Context, next: Next) => {
    const [scheme, token] = ctx.get('authorization').split(' ')
    if (scheme?.toLowerCase() !== 'bearer' || !token) return refuse(ctx, 401)
    try {
      const { payload } = await jwtVerify<AccessToken>(token, await keysOf(), {
        issuer,
        audience,
        typ: 'at+jwt',
        algorithms: ['ES256', 'RS256'],
        requiredClaims: ['sub', 'client_id', 'exp', 'jti'],
        clockTolerance: 5,
      })
      ctx.state['token'] = payload
    } catch (error) {
      if (!isCallersFault(error)) return apologise(ctx, error)
      return refuse(ctx, 401, 'invalid_token', 'The access token is expired, malformed, or not for this API.')
    }
    await next()
  }
}

/** Finds the keys through discovery and keeps them; jose looks again when a token names a key it has not seen. */
function publishedKeys(issuer: string) {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined
  return async () => {
    if (keys) return keys
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(5000) })
    const { jwks_uri } = (await answer.json()) as { jwks_uri: string }
    keys = createRemoteJWKSet(new URL(jwks_uri))
    return keys
  }
}

/** A token that does not verify is the caller's fault. Anything else, such as keys out of reach, is not. */
const isCallersFault = (error: unknown) =>
  error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) && error.code !== 'ERR_JOSE_GENERIC'

/** Refuses a token that was not granted this scope; stands after `requireToken`. */
export function requireScope(scope: string) {
  return (ctx: Context, next: Next) => {
    const { scope: granted = '' } = ctx.state['token'] as AccessToken
    if (granted.split(' ').includes(scope)) return next()
    return refuse(ctx, 403, 'insufficient_scope', `This needs the scope ${scope}.`, scope)
  }
}

/** Nobody can be let in or turned away while the issuer's keys are out of reach. */
function apologise(ctx: Context, cause: unknown): void {
  ctx.app.emit('error', new Error('the keys of the issuer are out of reach', { cause }))
  ctx.status = 503
  ctx.set('retry-after', '5')
  ctx.body = { error: 'temporarily_unavailable' }
}

/** RFC 6750 §3: a request without credentials learns only that it needs some; a refused token learns why. */
function refuse(ctx: Context, status: 401 | 403, error?: string, description?: string, scope?: string): void {
  const parameters = { error, error_description: description, scope }
  const named = Object.entries(parameters).filter(([, value]) => value !== undefined)
  ctx.status = status
  ctx.set(
    'www-authenticate',
    ['Bearer', named.map(([name, value]) => `${name}="${value}"`).join(', ')].join(' ').trim(),
  )
  ctx.body = error === undefined ? { error: 'no_token' } : { error, error_description: description }
}
