/**
 * The cookie in which a browser app's refresh token rests: one for each client and origin, so that two apps in one
 * browser keep apart, out of reach of every script, sent to our own pages' site only (SameSite=Strict).
 *
 * `__Host-` where the issuer has no path, although that demands Path=/: nobody on a neighbouring subdomain can plant
 * or overwrite such a cookie, and thereby sign a person in as somebody else (RFC 6265bis §4.1.3.2). A path keeps no
 * secret from pages of the same host. Where the prefix cannot be had, the cookie goes to the token endpoint alone.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type { ClientId } from '../clients/client.ts'
import { cookieValues, shortDigest } from './cookies.ts'

/** Whose token, and which page it was given to. */
export interface Holder {
  clientId: ClientId
  origin: string
}

export interface RefreshCookies {
  /** The token; undefined when there is none, or none that was put there by us for this holder. */
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
      // Two of one name: one of them was planted from a neighbouring subdomain, and nobody can tell which.
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

/** Opaque tokens have 256 bits, as the seal has. */
const sealed = /^([\w-]{43})\.([\w-]{43})$/

/** Ties the token to its holder: a cookie that was renamed for another origin is worth nothing. */
const macOf = (key: string, { clientId, origin }: Holder, token: string) =>
  createHmac('sha256', key).update(`refresh cookie\n${clientId}\n${origin}\n${token}`).digest('base64url')

const isEqual = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
