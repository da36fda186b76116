import { randomBytes } from 'node:crypto'

/** Characters of a client id. It appears in URLs, in Basic credentials (RFC 6749 §2.3.1) and in logs. */
export const clientIdPattern = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/

/** Makes an id that is readable in logs and has enough random bits to be unique: `orders-3f9a…`. */
export function newClientId(name: string, preset: string): string {
  const words = name
    .slice(0, 100)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return `${words.slice(0, 40).replace(/-+$/, '') || preset}-${randomBytes(6).toString('hex')}`
}
