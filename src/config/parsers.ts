/** Parsers of environment variables. Each returns a value or a fault that starts with "must". */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Parsed } from './option.ts'
import { tlsFaultOf } from './tls-modes.ts'

export const text = (given: string): Parsed<string> => ({ value: given })

const longestName = 60

/** One line that people read. */
export const displayName = (given: string): Parsed<string> => {
  const name = given.trim()
  return name !== '' && name.length <= longestName && !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(name)
    ? { value: name }
    : { fault: `must be 1 to ${longestName} characters without control or direction characters` }
}

const unitSeconds = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** `500ms`, `5s`, `10m`, `24h`, `30d`, as seconds. */
export const duration =
  (limits: { least: string; most: string }) =>
  (given: string): Parsed<number> => {
    const seconds = secondsOf(given)
    if (seconds === undefined) return { fault: 'must be a duration such as 500ms, 5s, 10m, 24h or 30d' }
    if (seconds < (secondsOf(limits.least) ?? 0) || seconds > (secondsOf(limits.most) ?? 0)) {
      return { fault: `must be between ${limits.least} and ${limits.most}` }
    }
    return { value: seconds }
  }

function secondsOf(given: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(given)
  return match
    ? Math.round(Number(match[1]) * 1000 * unitSeconds[match[2] as keyof typeof unitSeconds]) / 1000
    : undefined
}

export const wholeNumber =
  (least: number, most: number) =>
  (given: string): Parsed<number> =>
    /^\d{1,9}$/.test(given) && Number(given) >= least && Number(given) <= most
      ? { value: Number(given) }
      : { fault: `must be a whole number between ${least} and ${most}` }

/** 0: the system chooses a free port. */
export const port = (given: string): Parsed<number> =>
  // Kubernetes sets NAME_PORT=tcp://… for every service called NAME.
  given.startsWith('tcp://')
    ? {
        fault:
          'must be a port number; Kubernetes set this one for a service named claviger: set enableServiceLinks: false',
      }
    : wholeNumber(0, 65_535)(given)

export const oneOf =
  <const Choice extends string>(...choices: readonly Choice[]) =>
  (given: string): Parsed<Choice> => {
    const value = choices.find((choice) => choice === given)
    return value === undefined ? { fault: `must be one of ${choices.join(', ')}` } : { value }
  }

/** Some of a short list, separated by commas or blanks. */
export const someOf =
  <const Choice extends string>(...choices: readonly Choice[]) =>
  (given: string): Parsed<readonly Choice[]> => {
    const words = given.split(/[\s,]+/).filter(Boolean)
    const chosen = choices.filter((choice) => words.includes(choice))
    const areKnown = words.every((word) => (choices as readonly string[]).includes(word))
    return areKnown
      ? { value: Object.freeze(chosen) }
      : { fault: `must name some of ${choices.join(', ')}, separated by commas` }
  }

const hostName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i

/** An address or a name to listen on. */
export const listenHost = (given: string): Parsed<string> => {
  const bare = given.replace(/^\[(.+)\]$/, '$1')
  return isIP(bare) !== 0 || hostName.test(bare)
    ? { value: bare }
    : { fault: 'must be an address such as 127.0.0.1, 0.0.0.0 or ::, or a host name' }
}

/** An issuer as OpenID Connect Discovery §3 has it: scheme, host, port, path, and nothing more. */
export const issuer = (given: string): Parsed<string> => {
  const url = URL.parse(given)
  if (!url || !/^https?:\/\//i.test(given)) return { fault: 'must be a URL such as https://login.example.com' }
  if (url.username || url.password) return { fault: 'must not hold a user name or password' }
  if (/[?#]/.test(given)) return { fault: 'must not have a query or a fragment' }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return { fault: 'must begin with https:// unless its host is localhost or a loopback address' }
  }
  const path = url.pathname.replace(/\/$/, '')
  if (!/^(\/[\w.~-]+)*$/.test(path)) {
    return { fault: 'must have a path of plain segments (letters, digits, - . _ ~), such as /login, or none' }
  }
  return { value: url.origin + path }
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)

/** Addresses and CIDR blocks, separated by commas or blanks. */
export const cidrs = (given: string): Parsed<readonly string[]> => {
  const entries = given.split(/[\s,]+/).filter(Boolean)
  for (const entry of entries) {
    if (!isBlock(entry)) {
      return {
        fault: `must be addresses or CIDR blocks such as 10.0.0.0/8, 192.0.2.7 or fd00::/8 ("${entry.slice(0, 60)}" is neither)`,
      }
    }
    if (entry.endsWith('/0')) return { fault: `must not be ${entry}: every client could forge its address` }
  }
  return { value: Object.freeze(entries) }
}

const isBlock = (entry: string): boolean => (entry.includes('/') ? ipaddr.isValidCIDR(entry) : isIP(entry) !== 0)

/** Host names, addresses and CIDR blocks, separated by commas or blanks. */
export const destinations = (given: string): Parsed<readonly string[]> => {
  const entries = given.split(/[\s,]+/).filter(Boolean)
  const wrong = entries.find((entry) => !isBlock(entry) && !hostName.test(entry))
  if (wrong !== undefined) {
    return {
      fault: `must be host names, addresses or CIDR blocks such as hooks.internal, 10.1.0.0/16 or fd00::/8, without scheme or port ("${wrong.slice(0, 60)}" is none)`,
    }
  }
  const everything = entries.find((entry) => entry.endsWith('/0'))
  if (everything !== undefined) return { fault: `must not be ${everything}: every host would be allowed` }
  return { value: Object.freeze(entries.map((entry) => entry.toLowerCase())) }
}

/** The fault never quotes the URL, which contains a password. */
export const databaseUrl = (given: string): Parsed<string> => {
  const url = URL.parse(given)
  if (!url || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    return {
      fault:
        'must be a URL such as postgres://user:password@host:5432/name, with odd characters in the password percent-encoded (or give PGHOST, PGUSER, PGPASSWORD and PGDATABASE, which need no encoding)',
    }
  }
  const tlsFault = tlsFaultOf(url.searchParams)
  if (tlsFault !== undefined) return { fault: tlsFault }
  if (url.pathname.length < 2) return { fault: 'must name a database, as in postgres://host/name' }
  return { value: given }
}
