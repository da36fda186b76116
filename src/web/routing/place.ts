/** The address of this server, taken from the issuer. No request header changes it. */
export interface Place {
  issuer: string
  /** `https://id.example.com` */
  origin: string
  /** As browsers send it: lower case, without a default port. */
  host: string
  isSecure: boolean
  /** Path of the issuer, `/tenant/a`; empty at the root. */
  base: string
}

export function placeOf(issuer: string): Place {
  const { origin, host, protocol, pathname } = new URL(issuer)
  return { issuer, origin, host, isSecure: protocol === 'https:', base: pathname.replace(/\/+$/, '') }
}

/** Adds a prefix that binds the cookie to this host, if the issuer allows it (RFC 6265bis §4.1.3). */
export function cookieName({ isSecure, base }: Place, name: string): string {
  if (!isSecure) return `claviger_${name}`
  return `${base === '' ? '__Host-' : '__Secure-'}claviger_${name}`
}
