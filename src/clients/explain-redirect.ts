/** Explains to an administrator why a redirect URI or an origin was refused. For logs and the CLI, never for a page. */
import { plainText } from '../events/plain-text.ts'
import type { Client } from './client.ts'
import { allowedOrigins, isOriginAllowed, isRedirectUriAllowed } from './redirect-rules.ts'
import { withScheme } from './uri-faults.ts'

export interface Explanation {
  allowed: boolean
  /** The received URI, escaped for printing. */
  received: string
  /** The registered URI with the smallest difference. */
  closest: string | undefined
  /** One sentence: the difference and the remedy. */
  difference: string
}

const shown = (text: unknown): string => plainText(typeof text === 'string' ? text : String(text), 300)

export function explainRedirectUri(client: Pick<Client, 'preset' | 'redirectUris'>, uri: string): Explanation {
  const received = shown(uri)
  if (isRedirectUriAllowed(client, uri))
    return { allowed: true, received, closest: received, difference: 'It is registered.' }
  const closest = closestOf(client.redirectUris, uri)
  if (closest === undefined)
    return { allowed: false, received, closest, difference: 'No redirect URI is registered for this client.' }
  return { allowed: false, received, closest, difference: differenceBetween(uri, closest) }
}

export function explainOrigin(
  client: Pick<Client, 'preset' | 'redirectUris' | 'origins'>,
  origin: string,
): Explanation {
  const received = shown(origin)
  if (isOriginAllowed(client, origin))
    return { allowed: true, received, closest: received, difference: 'It is registered.' }
  if (origin === 'null') {
    return {
      allowed: false,
      received,
      closest: undefined,
      difference: 'The page has no origin (a file, a sandboxed frame); serve it from a web server.',
    }
  }
  const closest = closestOf([...allowedOrigins(client)], origin)
  if (closest === undefined) {
    const hint =
      client.preset === 'spa'
        ? ''
        : ' Only the spa preset derives origins from its redirect URIs; register the origin with --origin.'
    return { allowed: false, received, closest, difference: `No origin is registered for this client.${hint}` }
  }
  return { allowed: false, received, closest, difference: differenceBetween(origin, closest) }
}

interface Part {
  name: string
  /** The share of this part in the distance of two URIs. */
  weight: number
  received: string
  registered: string
}

/** The parts in which two URIs differ. */
function differingParts(received: URL, registered: URL): Part[] {
  const parts: Part[] = [
    {
      name: 'scheme',
      weight: 1,
      received: received.protocol.slice(0, -1),
      registered: registered.protocol.slice(0, -1),
    },
    { name: 'host', weight: 3, received: received.hostname, registered: registered.hostname },
    { name: 'port', weight: 1, received: portOf(received), registered: portOf(registered) },
    { name: 'path', weight: 2, received: received.pathname, registered: registered.pathname },
    { name: 'query', weight: 1, received: received.search, registered: registered.search },
    { name: 'fragment', weight: 1, received: received.hash, registered: registered.hash },
  ]
  return parts.filter((part) => part.received !== part.registered)
}

// The default port depends on the scheme, so a difference of 80 and 443 is reported as http and https.
const portOf = (url: URL): string => url.port || 'the default one'

function closestOf(registered: readonly string[], uri: string): string | undefined {
  const url = URL.parse(withScheme(uri) ?? uri.slice(0, 2000))
  const distance = (known: string): number => {
    const knownUrl = URL.parse(known)
    // Differing parts count first; a long common prefix breaks ties.
    const apart = url && knownUrl ? differingParts(url, knownUrl).reduce((sum, part) => sum + part.weight, 0) : 9
    return apart - commonStart(known, uri) / (known.length + 1)
  }
  return registered.toSorted((one, other) => distance(one) - distance(other))[0]
}

function commonStart(one: string, other: string): number {
  let index = 0
  while (index < one.length && one[index] === other[index]) index += 1
  return index
}

function differenceBetween(uri: string, closest: string): string {
  if (uri.length > 2000) return 'The received URI is longer than 2000 characters.'
  if (uri.trim() !== uri || /\s/.test(uri)) return 'The received URI contains a space or line break; send it without.'
  if (withScheme(uri)) return `The received URI has no scheme; ${shown(closest)} is registered.`
  const received = URL.parse(uri)
  const registered = URL.parse(closest)
  if (!received || !registered) return 'The received URI is not absolute; send scheme, host and path.'
  if (received.username || received.password)
    return 'The received URI contains a user name before the host; leave it out.'
  const parts = differingParts(received, registered)
  if (parts.length === 0) {
    return `Both URIs are equivalent but written differently, and URIs are compared character by character; send ${shown(closest)}.`
  }
  return parts.map(partSentence).join(' ')
}

function partSentence({ name, received, registered }: Part): string {
  const pair = `received ${quotedPart(received)}, registered ${quotedPart(registered)}`
  if (name === 'path' && received === `${registered}/`) return `The path has an extra trailing slash: ${pair}.`
  if (name === 'path' && `${received}/` === registered) return `The path lacks its trailing slash: ${pair}.`
  if (received.toLowerCase() === registered.toLowerCase())
    return `The ${name} differs in upper and lower case: ${pair}.`
  return `The ${name} differs: ${pair}.`
}

const quotedPart = (text: string): string => (text === '' ? 'none' : `"${shown(text)}"`)
