/** Finds the client address of a request, using only trusted information. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import ipaddr from 'ipaddr.js'

export type SourceOf = (request: IncomingMessage) => { source: string; isProxied: boolean }

/**
 * X-Forwarded-For is used only from listed proxies and is read from the right.
 * The first address that is not a listed proxy is the client. Entries that the
 * client wrote itself are further left and are never read.
 * @param trusted CIDRs or single addresses
 */
export function createSourceOf(trusted: readonly string[]): SourceOf {
  const ranges = trusted.map((cidr) =>
    ipaddr.parseCIDR(cidr.includes('/') ? cidr : `${cidr}/${cidr.includes(':') ? 128 : 32}`),
  )
  const isTrusted = (address: string): boolean => {
    const parsed = ipaddr.process(address)
    return ranges.some((range) => range[0].kind() === parsed.kind() && parsed.match(range))
  }
  // The peer of a connection never changes, so its address is parsed once.
  const peers = new WeakMap<Socket, string>()
  const peerOf = (socket: Socket): string => {
    let peer = peers.get(socket)
    if (peer === undefined) {
      peer = plainAddress(socket.remoteAddress ?? '') ?? 'unknown'
      peers.set(socket, peer)
    }
    return peer
  }
  return (request) => {
    const peer = peerOf(request.socket)
    if (ranges.length === 0 || peer === 'unknown' || !isTrusted(peer)) return { source: peer, isProxied: false }
    return { source: firstUntrusted(request.headers['x-forwarded-for'], peer, isTrusted), isProxied: true }
  }
}

function firstUntrusted(
  header: string | string[] | undefined,
  peer: string,
  isTrusted: (address: string) => boolean,
): string {
  let nearest = peer
  for (const entry of String(header ?? '')
    .split(',')
    .reverse()) {
    const address = plainAddress(entry.trim())
    if (address === undefined) return nearest
    nearest = address
    if (!isTrusted(address)) return nearest
  }
  return nearest
}

/** Removes port, brackets and zone. An IPv4 address in IPv6 notation becomes IPv4. */
function plainAddress(text: string): string | undefined {
  const bare =
    /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ??
    (/^\d+\.\d+\.\d+\.\d+:\d+$/.test(text) ? text.slice(0, text.indexOf(':')) : text)
  const unzoned = bare.replace(/%.*$/, '')
  if (!/^[\da-fA-F:.]{2,45}$/.test(unzoned) || !ipaddr.isValid(unzoned)) return undefined
  if (!unzoned.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(unzoned)) return undefined
  return ipaddr.process(unzoned).toString()
}
