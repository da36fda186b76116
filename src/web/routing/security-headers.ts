/** Sets the security headers of every answer. */
import { createHash } from 'node:crypto'
import type { Context } from 'koa'

/** Submits the form of its page. The policy of that page allows only this script, by its hash. */
export const formPostScript = 'document.forms[0].submit()'

/** The hash of a script for a policy: only a script with exactly this text may run. */
export const hashOf = (script: string): string => `'sha256-${createHash('sha256').update(script).digest('base64')}'`

/**
 * The policy has no form-action. Chrome applies it to every redirect after a form post.
 * After sign-in the redirects lead to the app, which may redirect to any other site.
 */
const policyWith = (script: string): string =>
  `default-src 'none'; style-src 'self'; img-src 'self' https: data:; ${script}frame-ancestors 'none'; base-uri 'none'`
const pagePolicy = (scriptHash: string | undefined): string =>
  policyWith(scriptHash ? `script-src ${scriptHash}; ` : '')

const pageHeaders = {
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy':
    'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()',
  'Cache-Control': 'no-store',
}

/** Traits of a page. `Pages.show` stores them in `ctx.state`. */
export interface PageTraits {
  /** True when `formPostScript` submits the form of the page. */
  submitsItself?: boolean
  /** The hash of the one script that this page may run. Without it the page runs no script. */
  scriptHash?: string
  /** True when an app may have opened the page in a popup and needs to receive messages from it. */
  keepsOpener?: boolean
}

/** Sets the headers on the finished answer of a page, the engine or the error mapper. */
export function setSecurityHeaders(ctx: Context, isSecure: boolean): void {
  ctx.set('X-Content-Type-Options', 'nosniff')
  if (isSecure) ctx.set('Strict-Transport-Security', 'max-age=63072000; includeSubDomains')
  const type = ctx.response.get('Content-Type')
  const isPage = typeof type === 'string' && type.startsWith('text/html')
  // URLs contain codes and states, so other sites get no referrer. With no-referrer, forms would send the origin "null".
  if (isPage) ctx.set('Referrer-Policy', 'same-origin')
  else if (ctx.status >= 300 && ctx.status < 400) ctx.set('Referrer-Policy', 'no-referrer')
  if (!isPage) return
  const { submitsItself, keepsOpener, scriptHash } = ctx.state as PageTraits
  ctx.set('Content-Security-Policy', pagePolicy(scriptHash))
  ctx.set('Cross-Origin-Opener-Policy', keepsOpener || submitsItself ? 'unsafe-none' : 'same-origin')
  ctx.set(pageHeaders)
}
