/**
 * The cookie that stores a browser app's refresh token. Each client and origin has its own cookie, so that two apps in
 * one browser do not affect each other. Scripts cannot read it, and browsers send it only with requests from the
 * issuer's site (SameSite=Strict).
 *
 * An issuer without a path gets `__Host-`, although that prefix requires Path=/. Then another subdomain can neither
 * plant nor overwrite the cookie, so it cannot sign a person in to another account (RFC 6265bis §4.1.3.2). A path would
 * not hide the cookie from pages of the same host. Without the prefix, browsers send the cookie to the token endpoint
 * only.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type { ClientId } from '../../clients/client.ts'
import { cookieValues, shortDigest } from '../engine/cookies.ts'

/** The client of the token, and the origin of the page that received it. */
export interface Holder {
  clientId: ClientId
  origin: string
}

export interface RefreshCookies {
  /** The token; undefined when there is none, or its seal is not valid for this holder. */
  read(ctx: Context, holder: Holder): string | undefined
  /** @param lifeSeconds undefined: until the browser is closed */
  write(ctx: Context, holder: Holder, token: string, lifeSeconds: number | undefined): void
  forget(ctx: Context, holder: Holder): void
}

/** @param keys the first signs, all verify */
export function refreshCookies(issuer: string, keys: readonly string[]): RefreshCookies {
  const { protocol, pathname } = new URL(issuer)
  const isSecure = protocol === 'https:'
  const base = pathname === '/' ? '' : pathname
  const isWholeHost = isSecure && base === ''
  const prefix = isSecure ? (isWholeHost ? '__Host-' : '__Secure-') : ''
  const attributes = {
    httpOnly: true,
    secure: isSecure,
    sameSite: 'strict',
    path: isWholeHost ? '/' : `${base}/token`,
    signed: false,
    overwrite: true,
  } as const

  const nameOf = ({ clientId, origin }: Holder) => `${prefix}claviger_refresh_${clientId}.${shortDigest(origin)}`
  const [signing = ''] = keys

  return {
    read(ctx, holder) {
      const [value, another] = cookieValues(ctx.get('Cookie'), nameOf(holder))
      // Two cookies of one name: another subdomain planted one of them, and the server cannot tell which.
      const [, token, mac] = another === undefined ? (sealed.exec(value ?? '') ?? []) : []
      if (token === undefined || mac === undefined) return undefined
      return keys.some((key) => isEqual(macOf(key, holder, token), mac)) ? token : undefined
    },
    write(ctx, holder, token, lifeSeconds) {
      const life = lifeSeconds === undefined ? {} : { maxAge: lifeSeconds * 1000 }
      ctx.cookies.set(nameOf(holder), `${token}.${macOf(signing, holder, token)}`, { ...attributes, ...life })
    },
    forget: (ctx, holder) => void ctx.cookies.set(nameOf(holder), null, attributes),
  }
}

/** Opaque tokens have 256 bits; so does the seal. */
const sealed = /^([\w-]{43})\.([\w-]{43})$/

/** Ties the token to its holder: a cookie that was renamed for another origin is not valid. */
const macOf = (key: string, { clientId, origin }: Holder, token: string) =>
  createHmac('sha256', key).update(`refresh cookie\n${clientId}\n${origin}\n${token}`).digest('base64url')

const isEqual = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
