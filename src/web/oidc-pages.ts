/** The pages that the engine asks for. */
import type { Context } from 'koa'
import type { OidcPages } from '../oidc/oidc-pages.ts'
import { optionalViewOf, viewOf } from './client-view.ts'
import type { PageOptions, Pages } from './pages.ts'
import { scopeLines } from './scope-lines.ts'

export function createOidcPages(pages: Pages): OidcPages {
  const show = (ctx: Context, name: string, data: object, options: PageOptions = {}) =>
    pages.show(ctx, name, data, { uiLocales: wishedLocales(ctx), keepsOpener: true, ...options })

  return {
    async error(ctx, { error, status, client }) {
      show(
        ctx,
        'error',
        { kind: kindOf(error, status), retryAfterSeconds: 0, client: optionalViewOf(client) },
        { status },
      )
    },
    async logout(ctx, { action, xsrf, client }) {
      show(ctx, 'logout', { action, xsrf, client: optionalViewOf(client) })
    },
    async signedOut(ctx, { client }) {
      show(ctx, 'signed-out', { client: optionalViewOf(client) })
    },
    async deviceCode(ctx, { action, xsrf, userCode, wrong }) {
      show(
        ctx,
        'device-code',
        { action, xsrf, userCode: userCode ?? '', isWrong: wrong },
        { status: wrong ? 422 : 200 },
      )
    },
    async deviceConfirm(ctx, { action, xsrf, userCode, client, scopes }) {
      const lines = scopeLines({ scopes, claims: [], apis: {} }, pages.languageFor(ctx, wishedLocales(ctx)))
      show(ctx, 'device-confirm', { action, xsrf, userCode, client: viewOf(client), lines })
    },
    async deviceDone(ctx, { client }) {
      show(ctx, 'device-done', { client: optionalViewOf(client) })
    },
    async formPost(ctx, { action, fields }) {
      show(ctx, 'form-post', { action, fields: Object.entries(fields) }, { submitsItself: true })
    },
  }
}

/** The OAuth code opens no door: it chooses between few sentences, and the rest is in the log. */
function kindOf(error: string, status: number): string {
  if (status >= 500) return error === 'temporarily_unavailable' ? '503' : '500'
  return error === 'session_not_found' ? 'session' : 'request'
}

function wishedLocales(ctx: Context): string | undefined {
  const params = (ctx as Context & { oidc?: { params?: { ui_locales?: unknown } } }).oidc?.params
  const wished = params?.ui_locales ?? ctx.query['ui_locales']
  return typeof wished === 'string' ? wished : undefined
}
