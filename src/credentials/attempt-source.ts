import ipaddr from 'ipaddr.js'

/**
 * What counts as one place: an IPv4 address, or a /64 of IPv6, which is what one subscriber gets. An address that
 * cannot be read is one place too, so that nothing unreadable goes uncounted.
 */
export function attemptSource(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address) // IPv4 written as IPv6 becomes IPv4
  if (parsed instanceof ipaddr.IPv4) return parsed.toString()
  const network = parsed.parts.slice(0, 4).map((part) => part.toString(16))
  return `${network.join(':')}::/64`
}
