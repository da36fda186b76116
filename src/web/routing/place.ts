/** Where we are, as the issuer says and nothing else: no header of any request changes it. */
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

/** Cookie names that a browser keeps to this host (RFC 6265bis §4.1.3), where the issuer allows it. */
export function cookieName({ isSecure, base }: Place, name: string): string {
  if (!isSecure) return `claviger_${name}`
  return `${base === '' ? '__Host-' : '__Secure-'}claviger_${name}`
}
