/** Every request has a name that people see on error pages and administrators find in the log. */
import { randomUUID } from 'node:crypto'

const wellFormed = /^[A-Za-z0-9][\w.-]{7,63}$/

/** Sixteen hexadecimal digits, or what a proxy of ours sent. */
export function requestIdFrom(header: string | string[] | undefined, isProxied: boolean): string {
  if (isProxied && typeof header === 'string' && wellFormed.test(header)) return header
  const random = randomUUID()
  return `${random.slice(0, 8)}${random.slice(9, 13)}${random.slice(19, 23)}`
}
