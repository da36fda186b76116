/**
 * Commits the changes of a request to the engine. A token request with a spent code or refresh token revokes the
 * resulting grant (RFC 6749 §4.1.2, RFC 9700 §4.14). That holds if the engine read the value as spent, and if the
 * commit lost a race for it. A token request that is refused for another reason spends and revokes nothing.
 */
import { calculateJwkThumbprint, decodeProtectedHeader, type JWK } from 'jose'
import type { Context } from 'koa'
import { knownGrantType } from '../engine/event-wiring.ts'
import { requestIdOf } from '../engine/request-id.ts'
import type { OidcNeeds } from '../oidc-needs.ts'
import type { Payload, Presenter } from './model-store.ts'
import type { UnitOfWork } from './unit-of-work.ts'

/** @returns false if another request spent or revoked the code or token meanwhile: nothing was stored */
export async function commitAnswer(
  unit: UnitOfWork,
  ctx: Context,
  { models, events }: Pick<OidcNeeds, 'models' | 'events'>,
): Promise<boolean> {
  const isTokenRequest = ctx.method === 'POST' && ctx.path === '/token'
  if (isTokenRequest && ctx.status >= 400) {
    const replay = unit.refusedReplay
    if (replay) {
      unit.discard()
      if (await holdsBoundKey(ctx, replay.payload)) await models.endReplayed(replay, presenterOf(ctx))
      return true
    }
    unit.withdrawTokens()
  }
  const isStored = await unit.commit(models, presenterOf(ctx))
  if (isTokenRequest && ctx.status === 200) count(ctx, events, isStored)
  return isStored
}

/** Counts the answer after the commit; the engine announces a success before it. */
function count(ctx: Context, events: OidcNeeds['events'], isStored: boolean): void {
  const { params, client } = ctx.oidc as { params?: Payload; client?: { clientId: string } }
  if (isStored) {
    events.tokenIssued(String(params?.grant_type))
    return
  }
  events.tokenRefused({
    grantType: knownGrantType(params?.grant_type),
    error: 'invalid_grant',
    detail: 'another request spent or revoked the code or token while this request was under way',
    clientId: client?.clientId,
    requestId: requestIdOf(ctx),
  })
}

/** RFC 9449 §10: a code that is bound to a key is valid only with a proof of that key. */
async function holdsBoundKey(ctx: Context, { dpopJkt }: Payload): Promise<boolean> {
  if (typeof dpopJkt !== 'string') return true
  const proof = ctx.get('DPoP')
  // The engine has verified the proof.
  return proof !== '' && (await calculateJwkThumbprint(decodeProtectedHeader(proof).jwk as JWK)) === dpopJkt
}

const presenterOf = (ctx: Context): Presenter => ({
  source: typeof ctx.state.source === 'string' ? ctx.state.source : undefined,
  requestId: requestIdOf(ctx),
})
