/**
 * Our own JWT access tokens at our own endpoints. The engine keeps no trace of
 * them and would refuse them; an app whose token is for an API still expects
 * userinfo to answer it, may revoke it (RFC 7009), and the API may ask about it
 * (RFC 7662). Such a token stands for its grant as long as that lives, and for
 * nothing once the log of revocations names it.
 */
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose'
import type Provider from 'oidc-provider'
import type { KeySet } from '../keyring/key-set.ts'
import { type LedgerEntry, tokenDigest } from '../revocation/issued-token.ts'
import { kinds, marksOf } from '../revocation/revocation.ts'
import type { Payload } from './model-store.ts'
import type { OidcNeeds } from './oidc-needs.ts'
import { UnitOfWork } from './unit-of-work.ts'

/** At the endpoints where the engine refuses what looks like a JWT, a token's dots are written so until it has been found. */
const stead = '~'
export const disguised = (token: string): string =>
  /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(token) ? token.replaceAll('.', stead) : token

interface Recognised {
  claims: JWTPayload
  kid: string | undefined
  /** Where it stands in the ledger, where that is kept. */
  entry: LedgerEntry | undefined
  /** At revocation or introspection, where the token counts for what it says. */
  isAskedAbout: boolean
}

type TokenModel = Provider['AccessToken'] | Provider['ClientCredentials']
type Find = (this: unknown, value: unknown, ...rest: unknown[]) => Promise<unknown>

/** Clocks of nodes may differ by so much. */
const skewSeconds = 60

/** Has the engine's token models understand what `keys` signed. */
export function recogniseJwts(
  provider: Provider,
  keys: KeySet,
  { models, events, nextStatusPlace }: Pick<OidcNeeds, 'models' | 'events' | 'nextStatusPlace'>,
): void {
  const { AccessToken, ClientCredentials, issuer } = provider
  const jwks = createLocalJWKSet(keys.publicJwks)

  async function recognise(value: string): Promise<Recognised | undefined> {
    const jwt = value.replaceAll(stead, '.')
    try {
      const { payload, protectedHeader } = await jwtVerify(jwt, jwks, {
        issuer,
        typ: 'at+jwt',
        requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
      })
      const entry = nextStatusPlace && { digest: tokenDigest(jwt), exp: payload.exp ?? 0 }
      return { claims: payload, kid: protectedHeader.kid, entry, isAskedAbout: jwt !== value }
    } catch {
      return undefined // expired, forged or of somebody else: to the engine an unknown token
    }
  }

  function revoke({ jti, exp = 0, client_id }: JWTPayload): void {
    const clientId = String(client_id)
    const expiresAt = new Date((exp + skewSeconds) * 1000)
    const actor = `client:${clientId}`
    UnitOfWork.current?.revoke({ kind: kinds.jti, value: String(jti), expiresAt, cause: 'token.revoked', actor })
    events.tokenRevoked({ clientId, tokenKind: 'access token', jti })
  }

  async function standingOf(token: Recognised) {
    const { claims, kid, entry } = token
    const { isVoid, isMissing, grant } = await UnitOfWork.asking(() => models.findStanding(marksOf(claims, kid), entry))
    if (isMissing) await tellForged(token)
    return { isGood: !isVoid && !isMissing, grant }
  }

  /** Once a token, to whichever node it is shown. */
  async function tellForged({ claims, kid, entry }: Recognised): Promise<void> {
    const until = Math.floor(Date.now() / 1000) + 86_400
    if (!entry) return
    const isNews = await UnitOfWork.asking(() =>
      models.remember(`forgery told\n${entry.digest.toString('hex')}`, until),
    )
    if (isNews) events.tokenForged({ clientId: String(claims.client_id), accountId: claims.sub, kid, jti: claims.jti })
  }

  /** A person's, by a grant of theirs. */
  async function personal(token: Recognised) {
    const { claims } = token
    if (typeof claims.grant_id !== 'string') return undefined
    const { isGood, grant } = await standingOf(token)
    if (!isGood || !grant || grant.payload.clientId !== claims.client_id || grant.payload.accountId !== claims.sub) {
      return undefined
    }
    UnitOfWork.current?.learn('AccessToken', undefined, { model: unstored, grant })
    return instance(AccessToken, claims, revoke, {
      accountId: claims.sub,
      grantId: grant.id,
      sid: claims.sid,
      // Userinfo opens by the token's own scope. An API's token has no `openid` in it, so the API cannot read the profile.
      scope: claims.scope,
      aud: claims.aud,
      extra: { grant_id: claims.grant_id },
    })
  }

  /** A service's own, by its credentials. */
  async function ofService(token: Recognised) {
    const { claims, isAskedAbout } = token
    if (!isAskedAbout || claims.grant_id !== undefined || claims.sub !== claims.client_id) return undefined
    const { isGood } = await standingOf(token)
    return isGood
      ? instance(ClientCredentials, claims, revoke, {
          scope: claims.scope,
          aud: claims.aud,
          extra: { sub: claims.sub },
        })
      : undefined
  }

  understand(AccessToken, recognise, personal)
  understand(ClientCredentials, recognise, ofService)
}

/** Nothing of it is stored; only its grant is worth remembering. */
const unstored = { payload: {}, use: 'unused', expiresAt: 0 } as const

function understand(
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
  // The engine would end the whole grant with one access token. This one token dies (RFC 7009 §2.1 leaves it to us).
  const destroy = async () => {
    token.grantId = undefined
    revoke(claims)
  }
  return Object.defineProperty(token, 'destroy', { value: destroy })
}
