/**
 * How what a request to the engine changed reaches the database. A token request that presents a spent code or refresh
 * token ends what came of it (RFC 6749 §4.1.2, RFC 9700 §4.14), whether the engine read it as spent or the commit
 * lost a race for it. A token request that is refused for another reason spends nothing and ends nothing.
 */
import { calculateJwkThumbprint, decodeProtectedHeader, type JWK } from 'jose'
import type { Context } from 'koa'
import { knownGrantType } from '../engine/event-wiring.ts'
import { requestIdOf } from '../engine/request-id.ts'
import type { OidcNeeds } from '../oidc-needs.ts'
import type { Payload, Presenter } from './model-store.ts'
import type { UnitOfWork } from './unit-of-work.ts'

/** @returns false if another request spent or revoked the code or token meanwhile: nothing has landed */
export async function land(
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
  const isLanded = await unit.commit(models, presenterOf(ctx))
  if (isTokenRequest && ctx.status === 200) count(ctx, events, isLanded)
  return isLanded
}

/** The engine announces a success before anything has landed. */
function count(ctx: Context, events: OidcNeeds['events'], isLanded: boolean): void {
  const { params, client } = ctx.oidc as { params?: Payload; client?: { clientId: string } }
  if (isLanded) {
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

/** RFC 9449 §10: a code that is bound to a key is presented validly with a proof of that key only. */
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
