/** Checks the target, the method and the host of a request before any other code reads it. */
import type { IncomingMessage } from 'node:http'
import type { Place } from '../routing/place.ts'

export interface Refusal {
  status: 400 | 404 | 405 | 414 | 421
  sentence: string
}

export const longestTarget = 8192
/** No valid request has more parameters. Each parameter costs parsing time. */
const mostParameters = 200
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'])

/** @returns the refusal; undefined for a valid request. Health checks are valid under any host name. */
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
  // An absolute URL would name a second, unchecked host. Only clients of a proxy send one (RFC 9112 §3.2.2).
  if (!target.startsWith('/')) return { status: 400, sentence: 'The request target must be a path.' }
  if (!/^[!-~]*$/.test(target) || target.includes('#') || target.includes('\\')) {
    return { status: 400, sentence: 'The request target contains characters that are not allowed.' }
  }
  if (target.includes('%') && !isDecodable(target))
    return { status: 400, sentence: 'The request target is not well-formed UTF-8.' }
  if (target.length > 2 * mostParameters && target.split('&', mostParameters + 1).length > mostParameters) {
    return { status: 400, sentence: 'Too many parameters.' }
  }
  return undefined
}

/** True when the percent-encoding decodes to UTF-8 without NUL. No database column accepts NUL. */
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
  method !== undefined && knownMethods.has(method)
    ? undefined
    : { status: 405, sentence: 'This method is not supported.' }

function refusedHost(request: IncomingMessage, place: Place): Refusal | undefined {
  const host = request.headers.host
  if (host === undefined || host === '') return { status: 400, sentence: 'The Host header is missing.' }
  if (hasTwoHosts(request.rawHeaders)) return { status: 400, sentence: 'The Host header was sent twice.' }
  if (host === place.host || isSameHost(host, place)) return undefined
  return { status: 421, sentence: 'This server does not serve the host in the Host header.' }
}

/** Node keeps only the first Host header. A proxy in front may have used the last one. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts > 1
}

/** Compares hosts without regard to case and to an explicit default port. */
function isSameHost(host: string, { host: ours, isSecure }: Place): boolean {
  const spelled = host.toLowerCase()
  return spelled === ours || spelled === `${ours}:${isSecure ? 443 : 80}`
}

const isHealth = (target: string, { base }: Place): boolean =>
  /^\/health\/(?:live|ready)(?:\?|$)/.test(target.startsWith(`${base}/`) ? target.slice(base.length) : target)
