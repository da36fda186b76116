/** Turns every thrown error into an answer: a page for people, JSON for programs. */
import type { Context } from 'koa'
import { Failure } from '../../errors/failure.ts'
import type { Log } from '../../events/log.ts'
import type { Pages } from '../pages/pages.ts'
import { type Answer, answerTo } from './status-of.ts'

export interface FailurePageNeeds {
  pages: Pages
  log: Pick<Log, 'info' | 'error'>
  /** The origins whose scripts may read the answers of this server. */
  corsOrigins: { isRegistered(origin: string): boolean | Promise<boolean> }
}

export async function answerFailure(ctx: Context, reason: unknown, needs: FailurePageNeeds): Promise<void> {
  const answer = answerTo(reason)
  report(ctx, reason, answer, needs.log)
  await showAnswer(ctx, answer, needs)
}

/** Writes an answer. Also serves answers whose status was set without a body: 404, 405. */
export async function showAnswer(ctx: Context, answer: Answer, needs: FailurePageNeeds): Promise<void> {
  ctx.body = null
  ctx.set('Cache-Control', 'no-store')
  ctx.set({ ...answer.headers })
  await allowReading(ctx, needs)
  if (wantsPage(ctx)) showFailurePage(ctx, answer, needs.pages)
  else showFailureJson(ctx, answer)
}

/** True for a browser that navigates to a page. Programs without an Accept header get JSON. */
export const wantsPage = (ctx: Context): boolean => ctx.accepts(['json', 'html']) === 'html'

export function showFailurePage(ctx: Context, { status, headers, reason, sentence }: Answer, pages: Pages): void {
  const retryAfterSeconds = Number(headers['Retry-After'] ?? 0)
  const kind = status >= 500 && status !== 503 ? '500' : String(status)
  if (status === 404) pages.show(ctx, 'not-found', {}, { status })
  else {
    const shownReason = pages.isDevelopment ? (reason ?? sentence) : undefined
    pages.show(ctx, 'error', { kind, retryAfterSeconds, client: undefined, reason: shownReason }, { status })
  }
}

function showFailureJson(ctx: Context, { status, error, sentence }: Answer): void {
  ctx.status = status
  ctx.type = 'application/json'
  ctx.body = { error, error_description: sentence, request_id: ctx.state.requestId }
}

/** Endpoints that apps call from a browser. Scripts of other origins may read only these, errors included. */
const readable = /^\/(?:token(?:\/(?:introspection|revocation))?|me|request|device\/auth|jwks|\.well-known\/[a-z-]+)$/

/** Adds CORS headers. Without them the browser shows the app only "network error". */
async function allowReading(ctx: Context, { corsOrigins, log }: FailurePageNeeds): Promise<void> {
  if (!readable.test(ctx.path)) return
  const origin = ctx.get('Origin')
  if (origin === '' || origin === 'null') return
  // The engine may have set the origin before the error; then only the exposed headers are added.
  if (!ctx.response.get('Access-Control-Allow-Origin')) {
    try {
      if (!(await corsOrigins.isRegistered(origin))) return
    } catch (error) {
      log.info(
        { error, requestId: ctx.state.requestId },
        'registered origins could not be read; the answer is sent without CORS headers',
      )
      return
    }
    ctx.set('Access-Control-Allow-Origin', origin)
    ctx.vary('Origin')
  }
  ctx.set('Access-Control-Expose-Headers', 'DPoP-Nonce, Retry-After, WWW-Authenticate, X-Request-Id')
}

function report(ctx: Context, reason: unknown, answer: Answer, log: FailurePageNeeds['log']): void {
  const about = { requestId: ctx.state.requestId, status: answer.status }
  if (!answer.isExpected) log.error({ ...about, error: reason }, 'request failed')
  else if (!(reason instanceof Failure)) return
  else if (reason.kind === 'unavailable') log.error({ ...about, error: reason }, 'request could not be served')
  else log.info({ ...about, code: reason.code, detail: reason.detail }, 'request refused')
}
