/** What every answer tells the browser not to do. */
import { createHash } from 'node:crypto'
import type { Context } from 'koa'

/** Submits its page's form; allowed by its hash, and the only script of its page. */
export const formPostScript = 'document.forms[0].submit()'

/** The name of a script in a policy: its text, and nothing else that gets into the page, may run. */
export const hashOf = (script: string): string => `'sha256-${createHash('sha256').update(script).digest('base64')}'`

/**
 * No form-action: Chrome applies it to every redirect after a form post, and
 * after sign-in those lead to the app, which may lead on to wherever it likes.
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

/** Set on `ctx.state` by whoever shows a page. */
export interface PageTraits {
  /** The page submits itself by `formPostScript`. */
  submitsItself?: boolean
  /** Of the one script that this page may run; without it none may. */
  scriptHash?: string
  /** An app may have opened the page in a window of its own, and needs to hear from that window again. */
  keepsOpener?: boolean
}

/** Goes over the finished answer, whoever made it: us, the engine, or the error mapper. */
export function setSecurityHeaders(ctx: Context, isSecure: boolean): void {
  ctx.set('X-Content-Type-Options', 'nosniff')
  if (isSecure) ctx.set('Strict-Transport-Security', 'max-age=63072000; includeSubDomains')
  const type = ctx.response.get('Content-Type')
  const isPage = typeof type === 'string' && type.startsWith('text/html')
  // Codes and states travel in URLs. A page may name itself to us only: under no-referrer its forms would come from "null".
  if (isPage) ctx.set('Referrer-Policy', 'same-origin')
  else if (ctx.status >= 300 && ctx.status < 400) ctx.set('Referrer-Policy', 'no-referrer')
  if (!isPage) return
  const { submitsItself, keepsOpener, scriptHash } = ctx.state as PageTraits
  ctx.set('Content-Security-Policy', pagePolicy(scriptHash))
  ctx.set('Cross-Origin-Opener-Policy', keepsOpener || submitsItself ? 'unsafe-none' : 'same-origin')
  ctx.set(pageHeaders)
}
