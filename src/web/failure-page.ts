/** The one place where what was thrown becomes an answer: a page for people, JSON for programs. */
import type { Context } from 'koa'
import { Failure } from '../errors/failure.ts'
import type { Log } from '../events/log.ts'
import type { Pages } from './pages.ts'
import { type Answer, answerTo } from './status-of.ts'

export interface FailurePageNeeds {
  pages: Pages
  log: Pick<Log, 'info' | 'error'>
  /** Which origins may read our answers from a browser. */
  corsOrigins: { isRegistered(origin: string): boolean | Promise<boolean> }
}

export async function answerFailure(ctx: Context, reason: unknown, needs: FailurePageNeeds): Promise<void> {
  const answer = answerTo(reason)
  report(ctx, reason, answer, needs.log)
  await showAnswer(ctx, answer, needs)
}

/** Also for answers that were set without a body: 404, 405. */
export async function showAnswer(ctx: Context, answer: Answer, needs: FailurePageNeeds): Promise<void> {
  ctx.body = null
  ctx.set('Cache-Control', 'no-store')
  ctx.set({ ...answer.headers })
  await allowReading(ctx, needs)
  if (wantsPage(ctx)) showFailurePage(ctx, answer, needs.pages)
  else showFailureJson(ctx, answer)
}

/** A browser on its way to a page. Programs that say nothing get JSON. */
export const wantsPage = (ctx: Context): boolean => ctx.accepts(['json', 'html']) === 'html'

export function showFailurePage(ctx: Context, { status, headers, reason, sentence }: Answer, pages: Pages): void {
  const retryAfterSeconds = Number(headers['Retry-After'] ?? 0)
  const kind = status >= 500 && status !== 503 ? '500' : String(status)
  if (status === 404) pages.show(ctx, 'not-found', {}, { status })
  else {
    const told = pages.isDevelopment ? (reason ?? sentence) : undefined
    pages.show(ctx, 'error', { kind, retryAfterSeconds, client: undefined, reason: told }, { status })
  }
}

function showFailureJson(ctx: Context, { status, error, sentence }: Answer): void {
  ctx.status = status
  ctx.type = 'application/json'
  ctx.body = { error, error_description: sentence, request_id: ctx.state.requestId }
}

/** Endpoints that apps call from a browser. Nothing else is for scripts of other origins, errors included. */
const readable = /^\/(?:token(?:\/(?:introspection|revocation))?|me|request|device\/auth|jwks|\.well-known\/[a-z-]+)$/

/** Without this a browser tells its app nothing but "network error". */
async function allowReading(ctx: Context, { corsOrigins, log }: FailurePageNeeds): Promise<void> {
  if (!readable.test(ctx.path)) return
  const origin = ctx.get('Origin')
  if (origin === '' || origin === 'null') return
  // The engine may have allowed it before something went wrong; then only what there is to read is new.
  if (!ctx.response.get('Access-Control-Allow-Origin')) {
    try {
      if (!(await corsOrigins.isRegistered(origin))) return
    } catch (error) {
      log.info({ error, requestId: ctx.state.requestId }, 'registered origins could not be read')
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
