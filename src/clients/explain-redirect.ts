/** Tells an administrator why a redirect URI or an origin was refused. For logs and the command line, never for a page. */
import { plainText } from '../events/plain-text.ts'
import type { Client } from './client.ts'
import { allowedOrigins, isOriginAllowed, isRedirectUriAllowed } from './redirect-rules.ts'
import { withScheme } from './uri-faults.ts'

export interface Explanation {
  allowed: boolean
  /** What came, safe to print. */
  received: string
  /** The registered one that differs least. */
  closest: string | undefined
  /** One sentence: what differs and what would be right. */
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
        : ' Only the spa preset takes origins from its redirect URIs; others name them by --origin.'
    return { allowed: false, received, closest, difference: `No origin is registered for this client.${hint}` }
  }
  return { allowed: false, received, closest, difference: differenceBetween(origin, closest) }
}

interface Part {
  name: string
  /** How far apart it puts two URIs. */
  weight: number
  received: string
  registered: string
}

/** The parts of two URIs that differ, most telling first. */
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

// The default port goes with the scheme: 80 against 443 is said by http against https.
const portOf = (url: URL): string => url.port || 'the default one'

function closestOf(registered: readonly string[], uri: string): string | undefined {
  const url = URL.parse(withScheme(uri) ?? uri.slice(0, 2000))
  const distance = (known: string): number => {
    const knownUrl = URL.parse(known)
    // What differs counts first, a long common beginning breaks ties.
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
  if (uri.length > 2000) return 'The URI received is longer than 2000 characters.'
  if (uri.trim() !== uri || /\s/.test(uri)) return 'The URI received holds a blank or line break; send it without.'
  if (withScheme(uri)) return `The URI received has no scheme; registered is ${shown(closest)}.`
  const received = URL.parse(uri)
  const registered = URL.parse(closest)
  if (!received || !registered) return 'What was received is not an absolute URI; send scheme, host and path.'
  if (received.username || received.password)
    return 'The URI received carries a user name before the host; leave it out.'
  const parts = differingParts(received, registered)
  if (parts.length === 0) {
    return `Both mean the same but are written differently, and URIs are compared character by character; send ${shown(closest)}.`
  }
  return parts.map(partSentence).join(' ')
}

function partSentence({ name, received, registered }: Part): string {
  const pair = `received ${quotedPart(received)}, registered ${quotedPart(registered)}`
  if (name === 'path' && received === `${registered}/`) return `The path has a slash at its end too many: ${pair}.`
  if (name === 'path' && `${received}/` === registered) return `The path lacks the slash at its end: ${pair}.`
  if (received.toLowerCase() === registered.toLowerCase())
    return `The ${name} differs in upper and lower case: ${pair}.`
  return `The ${name} differs: ${pair}.`
}

const quotedPart = (text: string): string => (text === '' ? 'none' : `"${shown(text)}"`)
