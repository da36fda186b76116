/**
 * Checks that every URI of a client passes, whatever it is for. A check gives
 * the fault as a phrase that goes on after "… : ", or undefined when all is well.
 */
import { plainText } from '../events/plain-text.ts'

export const uriLengthLimit = 2000

/** Hosts for which plain http is good enough: the traffic never leaves the machine (RFC 8252 §8.3). */
export const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

// RFC 3986 §2: nothing else may stand in a URI unencoded. Keeps CR, LF, blanks, quotes and backslashes out.
const uriCharacters = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/

export type ParsedUri = { fault: string } | { uri: string; url: URL }

/** Reads an absolute URI that means exactly what is written: the base of every other check. */
export function parseUri(value: unknown): ParsedUri {
  if (typeof value !== 'string') return { fault: 'it must be text' }
  if (value === '') return { fault: 'it is empty; write the whole URI, for example https://app.example/callback' }
  if (value.length > uriLengthLimit) return { fault: `it is longer than ${uriLengthLimit} characters` }
  if (!uriCharacters.test(value)) {
    return {
      fault: 'it holds a character that no URI may hold (a blank, a quote, a control character …); percent-encode it',
    }
  }
  if (value.includes('*')) return { fault: 'wildcards are not supported; register each URI as it is sent' }
  const whole = withScheme(value)
  if (whole) return { fault: `it has no scheme; write ${plainText(whole, 200)}` }
  const url = URL.parse(value)
  if (!url)
    return { fault: 'it is not an absolute URI; begin with the scheme, for example https://app.example/callback' }
  if (value.includes('#')) return { fault: 'it must not have a fragment; leave out # and what follows it' }
  if (url.username || url.password || /^[a-z0-9.+-]+:\/\/[^/?]*@/i.test(value)) {
    return { fault: 'it must not carry a user name or password before the host' }
  }
  return { uri: value, url }
}

// `localhost:5173/cb` parses, with `localhost:` for a scheme; so does `app.example:8443`. `com.example.app:/cb` has one.
const hostFirst =
  /^(?:\/\/)?(localhost|\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3}|(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(?::\d{1,5})?(?:[/?#].*)?$/i

/** The URI that was most likely meant where it begins with a host: by http to this machine, else by https. */
export function withScheme(value: string): string | undefined {
  const [, host = ''] = hostFirst.exec(value.slice(0, uriLengthLimit)) ?? []
  if (host === '') return undefined
  const scheme = loopbackHosts.has(host.toLowerCase()) ? 'http' : 'https'
  const url = URL.parse(`${scheme}://${value.replace(/^\/\//, '')}`)
  // An origin has no slash at its end.
  return (url && (value.includes('/', 2) ? url.href : url.href.replace(/\/(?=$|[?#])/, ''))) || undefined
}

/** https, or http to this machine, and written in the one way in which URIs are compared. */
export function webUriFault({ uri, url }: { uri: string; url: URL }): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return `its scheme ${plainText(url.protocol, 40)} is not allowed here; use https`
  }
  if (url.protocol === 'http:' && !loopbackHosts.has(url.hostname)) {
    return 'plain http is allowed for localhost, 127.0.0.1 and [::1] only; use https'
  }
  // `https:app.example`, `HTTPS://APP.example`, `/a/../b`, `:443`: two programs would read them as two different things.
  if (url.href !== uri && url.href !== `${uri}/`) return `write it as it is compared: ${plainText(url.href, 200)}`
  return undefined
}

/** For pages that a person is led to: start page, policy, terms, logo, key set. */
export function pageUriFault(value: unknown): string | undefined {
  const parsed = parseUri(value)
  return 'fault' in parsed ? parsed.fault : webUriFault(parsed)
}

/** An origin as browsers send it (RFC 6454 §6.1): scheme, host, port, nothing after. */
export function originFault(value: unknown): string | undefined {
  const parsed = parseUri(value)
  if ('fault' in parsed) return parsed.fault
  const { uri, url } = parsed
  const fault = webUriFault(parsed)
  if (fault && url.origin === 'null') return fault
  if (uri !== url.origin) return `an origin is scheme, host and port only; write ${plainText(url.origin, 200)}`
  return fault
}
