/** The pages that the engine requests. */
import type { Context } from 'koa'
import type { OidcPages } from '../../oidc/oidc-pages.ts'
import { isCookieless } from '../sign-in/dead-interaction.ts'
import { optionalViewOf } from './client-view.ts'
import { type PageOptions, type Pages, sameAddress } from './pages.ts'

export function createOidcPages(pages: Pages): OidcPages {
  const show = (ctx: Context, name: string, data: object, options: PageOptions = {}) =>
    pages.show(ctx, name, data, { uiLocales: wishedLocales(ctx), keepsOpener: true, ...options })

  return {
    async error(ctx, { error, status, client, reason }) {
      const data = {
        kind: kindOf(ctx, error, status),
        retryAfterSeconds: 0,
        client: optionalViewOf(client),
        reason: pages.isDevelopment ? (reason ?? error) : undefined,
      }
      show(ctx, 'error', data, { status })
    },
    async logout(ctx, { action, xsrf, client }) {
      show(ctx, 'logout', { action, xsrf, client: optionalViewOf(client) }, { languagePath: sameAddress(ctx) })
    },
    async signedOut(ctx, { client }) {
      show(ctx, 'signed-out', { client: optionalViewOf(client) }, { languagePath: sameAddress(ctx) })
    },
    async deviceCode(ctx, { action, xsrf, userCode, wrong }) {
      show(
        ctx,
        'device-code',
        { action, xsrf, userCode: userCode ?? '', isWrong: wrong },
        { status: wrong ? 422 : 200 },
      )
    },
    async deviceDone(ctx, { client }) {
      show(ctx, 'device-done', { client: optionalViewOf(client) })
    },
    async deviceStopped(ctx) {
      show(ctx, 'device-stopped', {})
    },
    async formPost(ctx, { action, fields }) {
      show(ctx, 'form-post', { action, fields: Object.entries(fields) }, { submitsItself: true })
    },
  }
}

/** Errors that a browser without cookies causes: every earlier step has set a cookie. */
const needingCookies = new Set(['session_not_found', 'interaction_gone'])

/** The OAuth error code only chooses the sentence of the page. The details are in the log. */
function kindOf(ctx: Context, error: string, status: number): string {
  if (status >= 500) return error === 'temporarily_unavailable' ? '503' : '500'
  if (isCookieless(ctx) && (ctx.method === 'POST' || needingCookies.has(error))) return 'cookies'
  return needingCookies.has(error) ? 'session' : 'request'
}

function wishedLocales(ctx: Context): string | undefined {
  const params = (ctx as Context & { oidc?: { params?: { ui_locales?: unknown } } }).oidc?.params
  const wished = params?.ui_locales ?? ctx.query['ui_locales']
  return typeof wished === 'string' ? wished : undefined
}
