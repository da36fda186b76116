/** Decides which addresses may be connected to: public ones by https, other ones only when they are listed. */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Failure } from '../errors/failure.ts'

export interface Address {
  address: string
  family: number
}

/** Returns every address of a name, as the system resolves it. */
export type LookUp = (host: string) => Promise<readonly Address[]>

/**
 * Returns the addresses of this URL that may be connected to, at least one.
 * @throws Failure `outbound_address_refused`, `outbound_unresolved`
 */
export type Reach = (url: URL) => Promise<readonly Address[]>

export function createReach(allowed: readonly string[], lookUp: LookUp): Reach {
  const blocks = allowed.filter(isBlock).map(blockOf)
  const hosts = new Set(allowed.filter((entry) => !isBlock(entry)).map((host) => host.toLowerCase()))

  return async (url) => {
    const host = hostOf(url)
    const family = isIP(host)
    const addresses = family === 0 ? await resolved(host, lookUp) : [{ address: host, family }]
    if (hosts.has(host)) return addresses
    const reachable = addresses.filter(({ address }) => {
      const canonical = canonicalAddress(address)
      return blocks.some((block) => matches(canonical, block)) || (url.protocol === 'https:' && isPublic(canonical))
    })
    if (reachable.length === 0) throw refused(url, host, addresses)
    return reachable
  }
}

/** The host in the form used for the list, look-ups and messages: no brackets, lower case, no trailing dot. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')

type Parsed = ipaddr.IPv4 | ipaddr.IPv6
type Block = [Parsed, number]

const isBlock = (entry: string) => entry.includes('/') || isIP(entry) !== 0

const blockOf = (entry: string): Block => {
  if (entry.includes('/')) return ipaddr.parseCIDR(entry)
  const address = ipaddr.process(entry)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

const matches = (address: Parsed, block: Block) => address.kind() === block[0].kind() && address.match(block)

/** Prefixes that embed IPv4: `::ffff:0:0/96`, and NAT64's own prefix (RFC 6052 §2.1). */
const nat64 = ipaddr.parseCIDR('64:ff9b::/96')

/** Converts an IPv6 address that embeds an IPv4 address to that IPv4 address. */
function canonicalAddress(address: string): Parsed {
  const parsed = ipaddr.process(address)
  if (!matches(parsed, nat64)) return parsed
  return new ipaddr.IPv4(parsed.toByteArray().slice(-4))
}

/** The only assigned IPv6 space (RFC 4291 §2.4). Compatible, translated and unassigned addresses are outside it. */
const globalUnicast = ipaddr.parseCIDR('2000::/3')
/** Azure's virtual machines get their configuration and secrets from this public address. */
const wireServer = ipaddr.parseCIDR('168.63.129.16/32')

const isPublic = (address: Parsed): boolean =>
  address.range() === 'unicast' &&
  (address.kind() === 'ipv4' ? !matches(address, wireServer) : matches(address, globalUnicast))

async function resolved(host: string, lookUp: LookUp): Promise<readonly Address[]> {
  const addresses = await lookUp(host).catch((cause) => {
    throw unresolved(host, cause)
  })
  if (addresses.length === 0) throw unresolved(host)
  return addresses
}

const unresolved = (host: string, cause?: unknown) =>
  new Failure('outbound_unresolved', 'unavailable', `The name ${host} cannot be resolved. Check its spelling.`, {
    cause,
  })

/** The message names no address, since its reader may not be allowed to see internal addresses. */
function refused(url: URL, host: string, addresses: readonly Address[]): Failure {
  const why = url.protocol === 'http:' ? 'is not reached without https' : 'has no public address'
  return new Failure(
    'outbound_address_refused',
    'denied',
    `${host} ${why}. If that is intended, list it in CLAVIGER_OUTBOUND_ALLOWED.`,
    { detail: { addresses: addresses.map(({ address }) => address) } },
  )
}
