/** The first look at a request, before anything reads it: is it meant for us, and can it be read at all? */
import type { IncomingMessage } from 'node:http'
import type { Place } from '../routing/place.ts'

export interface Refusal {
  status: 400 | 404 | 405 | 414 | 421
  sentence: string
}

export const longestTarget = 8192
/** More parameters than any request of ours has; each costs its reader time. */
const mostParameters = 200
const known = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'])

/** @returns what is wrong with it; undefined when nothing is. Probes reach health pages by whatever name. */
export function refusalOf(request: IncomingMessage, place: Place): Refusal | undefined {
  const target = request.url ?? ''
  return (
    refusedTarget(target) ??
    refusedMethod(request.method) ??
    (isHealth(target, place) ? undefined : refusedHost(request, place))
  )
}

function refusedTarget(target: string): Refusal | undefined {
  if (target.length > longestTarget) return { status: 414, sentence: 'The request target is too long.' }
  // Absolute-form would name a host past the one that was checked; nobody but a proxy's client sends it (RFC 9112 §3.2.2).
  if (!target.startsWith('/')) return { status: 400, sentence: 'The request target must be a path.' }
  if (!/^[!-~]*$/.test(target) || target.includes('#') || target.includes('\\')) {
    return { status: 400, sentence: 'The request target contains characters that do not belong there.' }
  }
  if (target.includes('%') && !isDecodable(target))
    return { status: 400, sentence: 'The request target is not well-formed UTF-8.' }
  if (target.length > 2 * mostParameters && target.split('&', mostParameters + 1).length > mostParameters) {
    return { status: 400, sentence: 'Too many parameters.' }
  }
  return undefined
}

/** Percent-encoding that decodes to UTF-8 without NUL, which no database column takes. */
export function isDecodable(text: string): boolean {
  if (/%00/.test(text)) return false
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const refusedMethod = (method: string | undefined): Refusal | undefined =>
  method !== undefined && known.has(method) ? undefined : { status: 405, sentence: 'This method is not known here.' }

function refusedHost(request: IncomingMessage, place: Place): Refusal | undefined {
  const host = request.headers.host
  if (host === undefined || host === '') return { status: 400, sentence: 'The Host header is missing.' }
  if (hasTwoHosts(request.rawHeaders)) return { status: 400, sentence: 'The Host header was sent twice.' }
  if (host === place.host || isSameHost(host, place)) return undefined
  return { status: 421, sentence: 'This host is not served here.' }
}

/** Node keeps the first and drops the rest; a proxy before us may have read the last. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts > 1
}

/** The same in another spelling: capitals, the default port written out. */
function isSameHost(host: string, { host: ours, isSecure }: Place): boolean {
  const spelled = host.toLowerCase()
  return spelled === ours || spelled === `${ours}:${isSecure ? 443 : 80}`
}

const isHealth = (target: string, { base }: Place): boolean =>
  /^\/health\/(?:live|ready)(?:\?|$)/.test(target.startsWith(`${base}/`) ? target.slice(base.length) : target)
