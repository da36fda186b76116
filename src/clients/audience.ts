/** The name of an API: an absolute URI without fragment (RFC 8707 §2), or a URN. */
import { parseUri, webUriFault } from './uri-faults.ts'

const audienceLengthLimit = 500

// RFC 8141 §2: urn:<namespace>:<something>
const urn = /^urn:[a-z0-9][a-z0-9-]{0,30}[a-z0-9]:[^:]/

/** The fault of an audience as a phrase, or undefined. Never throws. */
export function audienceFault(value: unknown): string | undefined {
  const parsed = parseUri(value)
  if ('fault' in parsed) return parsed.fault
  if (parsed.uri.length > audienceLengthLimit) return `it is longer than ${audienceLengthLimit} characters`
  if (parsed.url.protocol !== 'urn:') {
    return isWeb(parsed.url)
      ? webUriFault(parsed)
      : 'name the API by a URI such as https://api.example or urn:example:orders'
  }
  return urn.test(parsed.uri) ? undefined : 'a URN is written urn:<namespace>:<name>, in lower case up to the name'
}

const isWeb = (url: URL): boolean => url.protocol === 'https:' || url.protocol === 'http:'
