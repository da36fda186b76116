/**
 * Our own JWT access tokens at our own endpoints. The engine keeps no trace of
 * them and would refuse them; an app whose token is for an API still expects
 * userinfo to answer it. Such a token stands for its grant as long as that
 * lives: after a sign-out or a revocation it opens nothing here any more.
 */
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose'
import type Provider from 'oidc-provider'
import type { KeySet } from '../keyring/key-set.ts'
import type { ModelStore, Payload } from './model-store.ts'

type AccessTokenModel = Provider['AccessToken']

/** Has `AccessToken.find` understand what `keys` signed. */
export function recogniseJwts(provider: Provider, keys: KeySet, models: Pick<ModelStore, 'findGrantByClaim'>): void {
  const { AccessToken, issuer } = provider
  const jwks = createLocalJWKSet(keys.publicJwks)
  const findOpaque = (AccessToken.find as (...given: unknown[]) => ReturnType<AccessTokenModel['find']>).bind(
    AccessToken,
  )

  async function find(value: string, options?: Parameters<AccessTokenModel['find']>[1]) {
    if (typeof value !== 'string' || !value.startsWith('eyJ')) return findOpaque(value, options)
    const claims = await verified(value)
    return claims && (await tokenOf(claims))
  }

  async function verified(jwt: string): Promise<JWTPayload | undefined> {
    try {
      return (await jwtVerify(jwt, jwks, { issuer, typ: 'at+jwt', requiredClaims: ['exp', 'sub', 'client_id'] }))
        .payload
    } catch {
      return undefined // expired, forged or of somebody else: to the engine an unknown token
    }
  }

  async function tokenOf(claims: JWTPayload) {
    const { grant_id: claim, client_id: clientId, sub: accountId } = claims
    const found = typeof claim === 'string' ? await models.findGrantByClaim(claim) : undefined
    if (!found || found.payload.clientId !== clientId || found.payload.accountId !== accountId) return undefined
    const openid = found.payload.openid as { scope?: string } | undefined
    const { jkt, 'x5t#S256': x5t } = (claims.cnf ?? {}) as Payload
    const { jti, iat, exp, sid } = claims
    const model = AccessToken as unknown as new (payload: Payload) => InstanceType<AccessTokenModel>
    return new model({
      accountId,
      clientId,
      grantId: found.id,
      scope: openid?.scope ?? '',
      jti,
      iat,
      exp,
      sid,
      jkt,
      'x5t#S256': x5t,
    })
  }

  Object.defineProperty(AccessToken, 'find', { value: find })
}
