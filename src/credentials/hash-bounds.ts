/** The bounds for the cost of an imported hash, and the checks that every form shares. */
import { Failure } from '../errors/failure.ts'
import { readBase64 } from './hash-base64.ts'

const mostMemoryBytes = 128 * 2 ** 20
/** Memory times passes or lanes. */
const mostMemoryWork = 8 * mostMemoryBytes

/** @throws Failure `password_hash_refused` where memory or work exceed the bounds of docs/import.md. */
export function boundMemoryWork(memoryBytes: number, passes: number, lanes: number): void {
  if (memoryBytes > mostMemoryBytes || memoryBytes * passes > mostMemoryWork || lanes > 64) throw tooExpensive()
}

/** `m=19456,t=2,p=1`: exactly these names, each once, in any order. */
export function numbers(text: string, names: readonly string[]): Record<string, number> {
  const pairs = text.split(',').map((pair) => /^([a-z]+)=(\d{1,10})$/.exec(pair)?.slice(1) ?? ['', ''])
  const found = Object.fromEntries(pairs.map(([name = '', value]) => [name, Number(value)]))
  const isWhole = pairs.length === names.length && names.every((name) => Object.hasOwn(found, name))
  if (!isWhole) throw refused(`must give ${names.join(', ')} and no other cost`)
  return found
}

/** A shorter digest would also match other passwords. */
export function digestOf(text: string): Buffer {
  const digest = bytes(text)
  if (digest.length < 16 || digest.length > 64) throw refused('must have a digest of 16 to 64 bytes')
  return digest
}

export function bytes(text: string, least = 1): Buffer {
  const decoded = readBase64(text)
  if (!decoded) throw refused('has a part that is not base64')
  if (decoded.length < least) throw refused('has no salt, or one that is too short')
  return decoded
}

export const tooExpensive = () => refused('costs more than a sign-in may cost; this person needs a new password')

export const refused = (fault: string) => new Failure('password_hash_refused', 'invalid', `password_hash ${fault}.`)
