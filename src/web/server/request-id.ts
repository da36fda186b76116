/** Gives every request an id, which people see on error pages and administrators find in the log. */
import { randomBytes } from 'node:crypto'

/** Ids must be unique, also between processes and after restarts; they need not be secret. */
const ofThisProcess = randomBytes(4).toString('hex')
let count = 0

const wellFormed = /^[A-Za-z0-9][\w.-]{7,63}$/

/** @returns sixteen hexadecimal digits, or the id that a trusted proxy sent */
export function requestIdFrom(header: string | string[] | undefined, isProxied: boolean): string {
  if (isProxied && typeof header === 'string' && wellFormed.test(header)) return header
  count = (count + 1) % 0x1_0000_0000
  return `${ofThisProcess}${count.toString(16).padStart(8, '0')}`
}
