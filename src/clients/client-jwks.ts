/** The public keys that verify a client's assertions (RFC 7523, RFC 7517). */
const members: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  RSA: ['n', 'e'],
}
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']
const curves = ['P-256', 'P-384', 'P-521', 'Ed25519']
const keyLimit = 20

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Every fault of a client's key set, as phrases. */
export function jwksFaults(jwks: unknown): string[] {
  if (!isObject(jwks) || !Array.isArray(jwks.keys)) return ['it must be a JSON Web Key Set: {"keys": [ … ]}']
  if (jwks.keys.length === 0) return ['it contains no key']
  if (jwks.keys.length > keyLimit) return [`it contains more than ${keyLimit} keys`]
  return jwks.keys.flatMap((key, index) => {
    const fault = keyFault(key)
    return fault ? [`key ${index + 1}: ${fault}`] : []
  })
}

function keyFault(key: unknown): string | undefined {
  if (!isObject(key)) return 'it is not an object'
  const kept = privateMembers.find((name) => Object.hasOwn(key, name))
  if (kept) return `it contains the private member "${kept}"; register the public key only, and replace this one`
  const needed = typeof key.kty === 'string' && Object.hasOwn(members, key.kty) ? members[key.kty] : undefined
  if (!needed) return '"kty" must be EC, OKP or RSA'
  const missing = needed.find((name) => typeof key[name] !== 'string' || key[name] === '')
  if (missing) return `"${missing}" is missing`
  if (key.crv !== undefined && !curves.includes(key.crv as string)) return `"crv" must be one of ${curves.join(', ')}`
  if (key.use !== undefined && key.use !== 'sig') return '"use" must be "sig"'
  for (const name of ['kid', 'alg']) {
    if (key[name] !== undefined && (typeof key[name] !== 'string' || key[name] === '')) return `"${name}" must be text`
  }
  if (key.kty === 'RSA' && modulusBits(key.n as string) < 2048) return 'an RSA key needs at least 2048 bits'
  return undefined
}

function modulusBits(n: string): number {
  const bytes = Buffer.from(n, 'base64url')
  const first = bytes.findIndex((byte) => byte !== 0)
  return first === -1 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24)
}
