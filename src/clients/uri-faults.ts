/**
 * Checks for every URI of a client. A check returns the fault as a phrase that
 * follows "… : ", or undefined.
 */
import { plainText } from '../events/plain-text.ts'

export const uriLengthLimit = 2000

/** Hosts that may use plain http: the traffic never leaves the machine (RFC 8252 §8.3). */
export const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

// RFC 3986 §2: a URI contains no other unencoded characters. Excludes CR, LF, spaces, quotes and backslashes.
const uriCharacters = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/

export type ParsedUri = { fault: string } | { uri: string; url: URL }

/** Parses an absolute URI and refuses ambiguous ones. Every other check starts with it. */
export function parseUri(value: unknown): ParsedUri {
  if (typeof value !== 'string') return { fault: 'it must be text' }
  if (value === '') return { fault: 'it is empty; write the full URI, for example https://app.example/callback' }
  if (value.length > uriLengthLimit) return { fault: `it is longer than ${uriLengthLimit} characters` }
  if (!uriCharacters.test(value)) {
    return {
      fault:
        'it contains a character that no URI may contain (a space, a quote, a control character …); percent-encode it',
    }
  }
  if (value.includes('*'))
    return { fault: 'wildcards are not supported; register each URI exactly as the app sends it' }
  const whole = withScheme(value)
  if (whole) return { fault: `it has no scheme; write ${plainText(whole, 200)}` }
  const url = URL.parse(value)
  if (!url)
    return { fault: 'it is not an absolute URI; begin with the scheme, for example https://app.example/callback' }
  if (value.includes('#')) return { fault: 'it must not have a fragment; leave out # and what follows it' }
  if (url.username || url.password || /^[a-z0-9.+-]+:\/\/[^/?]*@/i.test(value)) {
    return { fault: 'it must not contain a user name or password before the host' }
  }
  return { uri: value, url }
}

// `localhost:5173/cb` and `app.example:8443` parse with the host as scheme. `com.example.app:/cb` has a real scheme.
const hostFirst =
  /^(?:\/\/)?(localhost|\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3}|(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(?::\d{1,5})?(?:[/?#].*)?$/i

/** The likely URI when a value begins with a host: http on loopback, else https. */
export function withScheme(value: string): string | undefined {
  const [, host = ''] = hostFirst.exec(value.slice(0, uriLengthLimit)) ?? []
  if (host === '') return undefined
  const scheme = loopbackHosts.has(host.toLowerCase()) ? 'http' : 'https'
  const url = URL.parse(`${scheme}://${value.replace(/^\/\//, '')}`)
  // An origin has no trailing slash.
  return (url && (value.includes('/', 2) ? url.href : url.href.replace(/\/(?=$|[?#])/, ''))) || undefined
}

/** Accepts https, or http on loopback, in the normalised form in which URIs are compared. */
export function webUriFault({ uri, url }: { uri: string; url: URL }): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return `its scheme ${plainText(url.protocol, 40)} is not allowed here; use https`
  }
  if (url.protocol === 'http:' && !loopbackHosts.has(url.hostname)) {
    return 'plain http is allowed for localhost, 127.0.0.1 and [::1] only; use https'
  }
  // Programs read `https:app.example`, `HTTPS://APP.example`, `/a/../b` and `:443` in different ways.
  if (url.href !== uri && url.href !== `${uri}/`) return `write it in its normalised form: ${plainText(url.href, 200)}`
  return undefined
}

/** For pages and documents: start page, policy, terms, logo, key set. */
export function pageUriFault(value: unknown): string | undefined {
  const parsed = parseUri(value)
  return 'fault' in parsed ? parsed.fault : webUriFault(parsed)
}

/** An origin as browsers send it (RFC 6454 §6.1): scheme, host and port only. */
export function originFault(value: unknown): string | undefined {
  const parsed = parseUri(value)
  if ('fault' in parsed) return parsed.fault
  const { uri, url } = parsed
  const fault = webUriFault(parsed)
  if (fault && url.origin === 'null') return fault
  if (uri !== url.origin) return `an origin is scheme, host and port only; write ${plainText(url.origin, 200)}`
  return fault
}
