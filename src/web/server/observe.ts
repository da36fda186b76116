/** Wraps every request: request id, source address, error answer, security headers, metrics and access log. */
import type { Context, Middleware } from 'koa'
import type { AccessLog } from '../../events/access-log.ts'
import type { RouteMeter } from '../../events/metrics.ts'
import { answerFailure, type FailurePageNeeds, showAnswer } from '../routing/failure-page.ts'
import { firstSegment } from '../routing/routes.ts'
import { setSecurityHeaders } from '../routing/security-headers.ts'
import { answerWith } from '../routing/status-of.ts'
import type { Health } from './health.ts'
import { requestIdFrom } from './request-id.ts'
import type { SourceOf } from './source-address.ts'

export interface ObserveNeeds extends FailurePageNeeds {
  sourceOf: SourceOf
  accessLog: AccessLog
  metrics: { route(name: string): RouteMeter }
  health: Pick<Health, 'isDraining'>
}

/** Labels of frequent requests by programs, which the access log marks as routine. */
const routine = new Set([
  'token',
  'introspection',
  'revocation',
  'userinfo',
  'par',
  'revocation-snapshot',
  'revocation-changes',
  'revocation-stream',
  'status-list',
  'shared-signals',
])
/** Labels of the counters. The list is fixed, so that requests for arbitrary paths cannot create labels. */
const labelOf = new Map([
  ['/', 'home'],
  ['/token', 'token'],
  ['/token/introspection', 'introspection'],
  ['/token/revocation', 'revocation'],
  ['/me', 'userinfo'],
  ['/request', 'par'],
  ['/auth', 'authorization'],
  ['/device/auth', 'device-authorization'],
  ['/revocations/snapshot', 'revocation-snapshot'],
  ['/revocations/changes', 'revocation-changes'],
  ['/revocations/stream', 'revocation-stream'],
  ['/global-token-revocation', 'global-revocation'],
])
const labelBelow = new Map([
  ['auth', 'resume'],
  ['session', 'end-session'],
  ['device', 'device'],
  ['interaction', 'interaction'],
  ['account', 'account'],
  ['language', 'language'],
  ['status-lists', 'status-list'],
  ['ssf', 'shared-signals'],
])
/** Paths that contain the id of an interaction. The id alone gives no access, but the access log hides it. */
const named = /^\/(interaction|auth|device)\/[^/]+/

export function observe(needs: ObserveNeeds): Middleware {
  const { isSecure } = needs.pages.place
  return async (ctx, next) => {
    const started = performance.now()
    identify(ctx, needs.sourceOf)
    try {
      await next()
      if (isUnanswered(ctx)) await showAnswer(ctx, answerWith(ctx.status, sentenceFor(ctx.status)), needs)
    } catch (reason) {
      await answerFailure(ctx, reason, needs)
    }
    setSecurityHeaders(ctx, isSecure)
    // The client then opens its next connection to a node that is not draining.
    if (needs.health.isDraining()) ctx.set('Connection', 'close')
    note(ctx, performance.now() - started, needs)
  }
}

function identify(ctx: Context, sourceOf: SourceOf): void {
  const { source, isProxied } = sourceOf(ctx.req)
  ctx.state.source = source
  ctx.state.requestId = requestIdFrom(ctx.req.headers['x-request-id'], isProxied)
  ctx.request.ip = source
  ctx.set('X-Request-Id', ctx.state.requestId)
}

/** True for an error status without a body: no route matched the path or the method. */
const isUnanswered = (ctx: Context): boolean =>
  ctx.status >= 400 && (ctx.body === undefined || ctx.body === null) && ctx.respond !== false

const sentenceFor = (status: number): string =>
  status === 404 ? 'There is nothing at this address.' : 'This request is not possible here.'

function note(ctx: Context, milliseconds: number, { accessLog, metrics }: ObserveNeeds): void {
  const { path, method, status } = ctx
  const label = labelOf.get(path) ?? labelBelow.get(firstSegment(path)) ?? 'other'
  metrics.route(label).answered(status, milliseconds / 1000)
  const { requestId, source } = ctx.state as { requestId: string; source: string }
  accessLog({
    requestId,
    method,
    status,
    milliseconds,
    source,
    path: path.replace(named, '/$1/:uid'),
    routine: routine.has(label),
  })
}
