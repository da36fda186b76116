/** What other programs made of a password, made again; on libuv's threads where it takes time. */
import { createHash, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { verify } from 'argon2'
import { plainBase64, readBase64 } from './hash-base64.ts'

const pbkdf2Bytes = promisify(pbkdf2)

/** Where the argon2id hash begins within which a weak one rests. */
const withinArgon2 = (stored: string) => stored.indexOf('$argon2id$', 1)

/** It rests within a hash of ours, so that checking it costs the work of ours besides its own. */
export const isWithinOurs = (stored: string): boolean => withinArgon2(stored) > 0

/** Does the password match what is stored, in whichever form? @throws Error when it has none that we keep. */
export async function matchesStored(stored: string, password: string): Promise<boolean> {
  if (stored.startsWith('$argon2')) return verify(stored, password)
  if (/^\$2b\$/.test(stored)) return (await import('bcrypt')).default.compare(password, stored)
  if (stored.startsWith('$scrypt$')) return matchesScrypt(stored, password)
  const at = withinArgon2(stored)
  if (at < 1) throw new TypeError('a stored password hash has no known form')
  return verify(stored.slice(at), plainBase64(await weakDigest(stored.slice(0, at), password)))
}

async function matchesScrypt(stored: string, password: string): Promise<boolean> {
  const [, , settings = '', salt = '', digest = ''] = stored.split('$')
  const [ln = 1, r = 8, p = 1] = settings.match(/\d+/g)?.map(Number) ?? []
  const expected = decoded(digest)
  const cost = 2 ** ln
  // Node refuses what needs more than `maxmem`; the import has bounded it.
  const options = { cost, blockSize: r, parallelization: p, maxmem: 128 * r * (cost + p + 2) + 2 ** 20 }
  const derived = await new Promise<Buffer>((resolve, reject) => {
    scrypt(password, decoded(salt), expected.length, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
  return timingSafeEqual(derived, expected)
}

/** By its origin: `$ssha256$<salt>` or `$pbkdf2-sha256$i=1000,l=32$<salt>`. */
async function weakDigest(origin: string, password: string): Promise<Buffer> {
  const parts = origin.split('$')
  const [, name = ''] = parts
  const salt = decoded(parts.at(-1) ?? '')
  if (name.startsWith('ssha')) return createHash(name.slice(1)).update(password).update(salt).digest()
  const [iterations = 1, length = 32] = parts[2]?.match(/\d+/g)?.map(Number) ?? []
  return pbkdf2Bytes(password, salt, iterations, length, name.replace('pbkdf2-', ''))
}

function decoded(text: string): Buffer {
  const bytes = readBase64(text)
  if (!bytes) throw new TypeError('a stored password hash is damaged')
  return bytes
}
