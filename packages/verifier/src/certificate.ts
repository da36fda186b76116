/** Mutual TLS (RFC 8705): a bound token is accepted only with the certificate that it was issued to. */
import { base64url } from 'jose'
import type { Platform } from './platform.ts'

/** DER bytes, or PEM text. */
export type Certificate = Uint8Array | string

/** `x5t#S256` of a certificate; undefined for text that is no certificate. */
export async function certificateThumbprint(certificate: Certificate, platform: Platform): Promise<string | undefined> {
  const der = typeof certificate === 'string' ? fromPem(certificate) : certificate
  return der && base64url.encode(await platform.digest(der))
}

/**
 * The certificate in a `Client-Cert` header (RFC 9440), which a TLS-terminating
 * proxy adds. Use it only where every request comes through that proxy: any
 * other client can forge the header.
 */
export function clientCertificateOf(header: string | null | undefined): Uint8Array | undefined {
  const [, encoded] = /^\s*:([A-Za-z0-9+/=]+):\s*$/.exec(header ?? '') ?? []
  return encoded === undefined ? undefined : fromBase64(encoded)
}

function fromPem(text: string): Uint8Array | undefined {
  const [, encoded] = /-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE-----/.exec(text) ?? []
  return encoded === undefined ? undefined : fromBase64(encoded.replace(/\s/g, ''))
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return undefined // no base64: no certificate
  }
}
