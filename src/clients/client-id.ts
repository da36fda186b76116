import { randomBytes } from 'node:crypto'

/** What a client id may be: it stands in URLs, in Basic credentials (RFC 6749 §2.3.1) and in logs. */
export const clientIdPattern = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/

/** Readable in logs and lists, and unguessable enough never to be met twice: `orders-x3k9…`. */
export function newClientId(name: string, preset: string): string {
  const words = name
    .slice(0, 100)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return `${words.slice(0, 40).replace(/-+$/, '') || preset}-${randomBytes(6).toString('hex')}`
}
