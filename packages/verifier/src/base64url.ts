/** Base64url as in JWTs, without Node's Buffer: strict, and fast enough for small texts. */

const values = new Int8Array(128).fill(-1)
for (const [value, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].entries()) {
  values[char.charCodeAt(0)] = value
}

const decoder = new TextDecoder()

/** Undefined when the text is not base64url. */
export function fromBase64url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  return decodeInto(text, bytes) ? bytes : undefined
}

/** Fills `bytes`; the text must decode to exactly its length. */
export function decodeInto(text: string, bytes: Uint8Array, at = 0): boolean {
  let bits = 0
  let held = 0
  let next = at
  for (let index = 0; index < text.length; index += 1) {
    const value = values[text.charCodeAt(index)] ?? -1
    if (value < 0) return false
    bits = ((bits & 0xfff) << 6) | value
    held += 6
    if (held >= 8) {
      held -= 8
      bytes[next] = (bits >> held) & 0xff
      next += 1
    }
  }
  return (bits & ((1 << held) - 1)) === 0
}

/** The JSON object in a part of a JWS; undefined when it is not one. */
export function jsonObject(part: string): Record<string, unknown> | undefined {
  const text = utf8In(part)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // the caller reports it as malformed
  }
}

/** Node's own decoder is several times faster. */
function utf8In(part: string): string | undefined {
  const { Buffer } = globalThis as { Buffer?: typeof globalThis.Buffer }
  if (Buffer) return Buffer.from(part, 'base64url').toString()
  const bytes = fromBase64url(part)
  return bytes && decoder.decode(bytes)
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
