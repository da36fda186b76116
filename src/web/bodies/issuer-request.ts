/** Makes Koa take the server's address from the issuer instead of request headers, so that no caller can change it. */
import type Koa from 'koa'
import type { Place } from '../routing/place.ts'

export function followIssuer(app: Koa, place: Place): void {
  const protocol = place.isSecure ? 'https' : 'http'
  const fixed = (value: unknown): PropertyDescriptor => ({ configurable: true, get: () => value })
  Object.defineProperties(app.request, {
    protocol: fixed(protocol),
    secure: fixed(place.isSecure),
    host: fixed(place.host),
    hostname: fixed(new URL(place.origin).hostname),
    origin: fixed(place.origin),
    href: {
      configurable: true,
      get(this: Koa.Request) {
        return `${place.origin}${place.base}${this.originalUrl}`
      },
    },
  })
}
