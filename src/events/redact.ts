/**
 * The last guard before a value is written: fields that could hold a secret
 * lose their value, text is escaped and truncated, depth is bounded. Callers
 * leave secrets out; this catches a caller that forgets.
 */
import { plainText } from './plain-text.ts'

const secretNames = new Set([
  'password',
  'newpassword',
  'currentpassword',
  'passwordhash',
  'hash',
  'secret',
  'clientsecret',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'idtokenhint',
  'logouttoken',
  'authorizationcode',
  'usercode',
  'devicecode',
  'codeverifier',
  'clientassertion',
  'assertion',
  'dpop',
  'cookie',
  'cookies',
  'setcookie',
  'authorization',
  'proxyauthorization',
  'otp',
  'totp',
  'recoverycode',
  'privatejwk',
  'privatejwe',
  'kek',
  'keyencryptionkey',
  'databaseurl',
  'connectionstring',
])

// The program has few field names; the bound limits the memory of a mistake.
const verdicts = new Map<string, boolean>()

/** Could a field of this name hold a secret? True for `clientSecret`, `client_secret` and `Client-Secret`. */
export function isSecretName(name: string): boolean {
  const known = verdicts.get(name)
  if (known !== undefined) return known
  const verdict = secretNames.has(name.toLowerCase().replace(/[-_]/g, ''))
  if (verdicts.size < 1000) verdicts.set(name, verdict)
  return verdict
}

export const redacted = '[redacted]'

// A JWT, a secret that Claviger made, or a password in a URL, anywhere in a text.
const secretText = /eyJ[\w-]{8,}\.[\w-]*\.[\w-]*(?:\.[\w-]*){0,2}|clv_[\w-]{20,}|(?<=:\/\/[^/\s:@]*:)[^/\s@]+(?=@)/g

export function safeText(text: string, limit = 512): string {
  const kept = plainText(text, limit)
  return kept.includes('eyJ') || kept.includes('clv_') || kept.includes('@') ? kept.replace(secretText, redacted) : kept
}

/** A copy without secrets: keeps `{ reason: 'wrong-password' }`, redacts `{ password: … }`. */
export function safeFields(fields: object, depth = 0): Record<string, unknown> {
  const safe: Record<string, unknown> = {}
  let count = 0
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    if (++count > 50) break
    safe[plainText(name, 100)] = isSecretName(name) ? redacted : safeValue(value, depth)
  }
  return safe
}

function safeValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return safeText(value)
    case 'number':
    case 'boolean':
      return value
    case 'bigint':
      return value.toString()
    case 'object':
      return safeObject(value, depth)
    default:
      return undefined
  }
}

function safeObject(value: object | null, depth: number): unknown {
  if (value === null) return null
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Error) return safeError(value)
  if (ArrayBuffer.isView(value)) return redacted
  if (depth >= 3) return '…'
  return Array.isArray(value)
    ? value.slice(0, 50).map((item) => safeValue(item, depth + 1))
    : safeFields(value, depth + 1)
}

/** Message, code, stack and cause. Other fields of an error may quote rows or requests. */
export function safeError(error: Error, depth = 0): Record<string, unknown> {
  const { code, detail, cause } = error as Error & { code?: unknown; detail?: unknown }
  return {
    type: safeText(error.name, 100),
    message: safeText(error.message, 1000),
    ...(typeof code === 'string' ? { code: safeText(code, 100) } : {}),
    // `Failure.detail` is an object for the log; Postgres' `detail` is text that quotes rows.
    ...(typeof detail === 'object' && detail !== null ? { detail: safeFields(detail, 1) } : {}),
    stack: stackLines(error),
    ...(cause === undefined || depth >= 3
      ? {}
      : { cause: cause instanceof Error ? safeError(cause, depth + 1) : safeValue(cause, 2) }),
  }
}

const stackLines = (error: Error): string[] =>
  (error.stack ?? '')
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 12)
    .map((line) => safeText(line.trim(), 300))
