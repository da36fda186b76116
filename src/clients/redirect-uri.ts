/** Which redirect URIs a client may register (RFC 9700 §2.1, RFC 8252 §7, RFC 6749 §3.1.2). */
import type { Preset } from './client.ts'
import { loopbackHosts, parseUri, webUriFault } from './uri-faults.ts'

// Authorization responses add these parameters; a registered one would appear twice.
const answerParameters = ['code', 'state', 'iss', 'error', 'error_description', 'response', 'id_token', 'access_token']

// RFC 8252 §7.1: the scheme is a reversed domain name that the owner controls: com.example.app
const privateUseScheme = /^[a-z][a-z0-9+-]*(\.[a-z0-9][a-z0-9+-]*)+:\/.*$/

/** The fault of a redirect URI as a phrase, or undefined. Never throws. */
export function redirectUriFault(value: unknown, preset: Preset): string | undefined {
  const parsed = parseUri(value)
  if ('fault' in parsed) return parsed.fault
  return (preset === 'native' ? nativeUriFault(parsed) : webUriFault(parsed)) ?? answerParameterFault(parsed.url)
}

function nativeUriFault({ uri, url }: { uri: string; url: URL }): string | undefined {
  if (url.protocol === 'https:' && loopbackHosts.has(url.hostname)) {
    return 'a native app uses plain http on loopback; write http://127.0.0.1/… (any port)'
  }
  if (url.protocol === 'https:' || url.protocol === 'http:') return webUriFault({ uri, url })
  if (!privateUseScheme.test(uri)) {
    return 'a private-use scheme is a reversed domain name, with a dot, in lower case: com.example.app:/callback'
  }
  return url.href === uri ? undefined : `write it in its normalised form: ${url.href.slice(0, 200)}`
}

function answerParameterFault(url: URL): string | undefined {
  const taken = answerParameters.find((name) => url.searchParams.has(name))
  return taken && `its query already contains "${taken}", which the response adds; rename that parameter`
}
