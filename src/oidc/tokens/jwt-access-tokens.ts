/**
 * Accepts Claviger's JWT access tokens at its own endpoints. The engine does not store them and would refuse them. An
 * app may call userinfo with a token for an API and may revoke it (RFC 7009). The API may introspect it (RFC 7662).
 * Such a token is valid while its grant exists, and until the revocation log names it.
 */
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose'
import type Provider from 'oidc-provider'
import type { KeySet } from '../../keyring/live/key-set.ts'
import { type LedgerEntry, tokenDigest } from '../../revocation/issued-token.ts'
import { kinds, marksOf } from '../../revocation/revocation.ts'
import type { OidcNeeds } from '../oidc-needs.ts'
import type { Payload } from '../state/model-store.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

/**
 * Replaces the dots of a JWT at the endpoints where the engine refuses values that look like JWTs. The dots are
 * restored when the token is looked up.
 */
const dotSubstitute = '~'
export const disguised = (token: string): string =>
  /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(token) ? token.replaceAll('.', dotSubstitute) : token

interface Recognised {
  claims: JWTPayload
  kid: string | undefined
  /** The token's entry in the ledger, when the ledger is on. */
  entry: LedgerEntry | undefined
  /** The token was sent to revocation or introspection. */
  isAskedAbout: boolean
}

type TokenModel = Provider['AccessToken'] | Provider['ClientCredentials']
type Find = (this: unknown, value: unknown, ...rest: unknown[]) => Promise<unknown>

/** The largest difference between the clocks of nodes. */
const skewSeconds = 60

/** Makes the engine's token models accept JWTs that `keys` signed. */
export function recogniseJwts(
  provider: Provider,
  keys: KeySet,
  { models, events, nextStatusPlace }: Pick<OidcNeeds, 'models' | 'events' | 'nextStatusPlace'>,
): void {
  const { AccessToken, ClientCredentials, issuer } = provider
  const jwks = createLocalJWKSet(keys.publicJwks)

  async function recognise(value: string): Promise<Recognised | undefined> {
    const jwt = value.replaceAll(dotSubstitute, '.')
    try {
      const { payload, protectedHeader } = await jwtVerify(jwt, jwks, {
        issuer,
        typ: 'at+jwt',
        requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
      })
      const entry = nextStatusPlace && { digest: tokenDigest(jwt), exp: payload.exp ?? 0 }
      return { claims: payload, kid: protectedHeader.kid, entry, isAskedAbout: jwt !== value }
    } catch {
      return undefined // expired, forged or of another issuer: the engine sees an unknown token
    }
  }

  function revoke({ jti, exp = 0, client_id }: JWTPayload): void {
    const clientId = String(client_id)
    const expiresAt = new Date((exp + skewSeconds) * 1000)
    const actor = `client:${clientId}`
    UnitOfWork.current?.revoke({ kind: kinds.jti, value: String(jti), expiresAt, cause: 'token.revoked', actor })
    events.tokenRevoked({ clientId, tokenKind: 'access token', jti })
  }

  async function statusOf(token: Recognised) {
    const { claims, kid, entry } = token
    const { isRevoked, isMissing, grant } = await UnitOfWork.asking(() =>
      models.findTokenStatus(marksOf(claims, kid), entry),
    )
    if (isMissing) await reportForged(token)
    return { isValid: !isRevoked && !isMissing, grant }
  }

  /** Reports each forged token once a day, whichever node gets it. */
  async function reportForged({ claims, kid, entry }: Recognised): Promise<void> {
    const until = Math.floor(Date.now() / 1000) + 86_400
    if (!entry) return
    const isNews = await UnitOfWork.asking(() =>
      models.remember(`forgery told\n${entry.digest.toString('hex')}`, until),
    )
    if (isNews) events.tokenForged({ clientId: String(claims.client_id), accountId: claims.sub, kid, jti: claims.jti })
  }

  /** A token for a person, under a grant. */
  async function personal(token: Recognised) {
    const { claims } = token
    if (typeof claims.grant_id !== 'string') return undefined
    const { isValid, grant } = await statusOf(token)
    if (!isValid || !grant || grant.payload.clientId !== claims.client_id || grant.payload.accountId !== claims.sub) {
      return undefined
    }
    UnitOfWork.current?.learn('AccessToken', undefined, { model: unstored, grant })
    return instance(AccessToken, claims, revoke, {
      accountId: claims.sub,
      grantId: grant.id,
      sid: claims.sid,
      // Userinfo checks the token's own scope. An API's token has no `openid` in it, so the API cannot read the
      // profile.
      scope: claims.scope,
      aud: claims.aud,
      extra: { grant_id: claims.grant_id },
    })
  }

  /** A token for a service, from its own credentials. */
  async function ofService(token: Recognised) {
    const { claims, isAskedAbout } = token
    if (!isAskedAbout || claims.grant_id !== undefined || claims.sub !== claims.client_id) return undefined
    const { isValid } = await statusOf(token)
    return isValid
      ? instance(ClientCredentials, claims, revoke, {
          scope: claims.scope,
          aud: claims.aud,
          extra: { sub: claims.sub },
        })
      : undefined
  }

  serveJwts(AccessToken, recognise, personal)
  serveJwts(ClientCredentials, recognise, ofService)
}

/** A JWT is not stored; the unit of work needs only its grant. */
const unstored = { payload: {}, use: 'unused', expiresAt: 0 } as const

function serveJwts(
  model: TokenModel,
  recognise: (value: string) => Promise<Recognised | undefined>,
  build: (token: Recognised) => Promise<unknown>,
): void {
  const findOpaque = model.find as unknown as Find
  async function find(value: unknown, ...rest: unknown[]): Promise<unknown> {
    if (typeof value !== 'string' || !value.startsWith('eyJ')) return findOpaque.call(model, value, ...rest)
    const token = await recognise(value)
    return token && (await build(token))
  }
  Object.defineProperty(model, 'find', { value: find })
}

function instance(Model: TokenModel, claims: JWTPayload, revoke: (claims: JWTPayload) => void, more: Payload): object {
  const { jti, iat, exp, client_id: clientId } = claims
  const { jkt, 'x5t#S256': x5t } = (claims.cnf ?? {}) as Payload
  const build = Model as unknown as new (payload: Payload) => { grantId?: string | undefined }
  const token = new build({ clientId, jti, iat, exp, jkt, 'x5t#S256': x5t, ...more })
  // The engine would revoke the whole grant with one access token. Only this token is revoked (RFC 7009 §2.1 permits
  // that).
  const destroy = async () => {
    token.grantId = undefined
    revoke(claims)
  }
  return Object.defineProperty(token, 'destroy', { value: destroy })
}
