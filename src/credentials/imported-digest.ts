/** Recomputes the digests of other programs from a password; slow algorithms run on libuv's threads. */
import {
  createCipheriv,
  createHash,
  createHmac,
  hash as digestOnce,
  pbkdf2,
  scrypt,
  timingSafeEqual,
} from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { verify } from 'argon2'
import { plainBase64, readBase64 } from './hash-base64.ts'

const pbkdf2Bytes = promisify(pbkdf2)

/** The position of the argon2id hash that encloses a weak one. */
const withinArgon2 = (stored: string) => stored.indexOf('$argon2id$', 1)

/** Is the weak hash stored within an argon2id hash? Then checking it also costs the work of the argon2id hash. */
export const isWithinOurs = (stored: string): boolean => withinArgon2(stored) > 0

/** Does the password match the stored hash, in any form? @throws Error when the hash cannot be verified. */
export async function matchesStored(stored: string, password: string): Promise<boolean> {
  if (/^\$argon2id?\$/.test(stored)) return verify(unpadded(stored), password)
  if (stored.startsWith('$2b$')) return matchesBcrypt(stored, password)
  if (stored.startsWith('$scrypt$')) return matchesScrypt(stored, password)
  const at = withinArgon2(stored)
  if (at < 1) throw new TypeError('a stored password hash has no known form')
  return verify(stored.slice(at), await weakDigest(stored.slice(0, at), password))
}

/** The argon2 library refuses padding, which earlier imports stored. */
const unpadded = (phc: string): string => phc.replace(/=+(?=\$|$)/g, '')

/** The library's comparison returns false for a hash that it cannot read, so the stored text is checked here. */
async function matchesBcrypt(stored: string, password: string): Promise<boolean> {
  if (!/^\$2b\$\d\d\$[./A-Za-z0-9]{53}$/.test(stored)) throw new TypeError('a stored bcrypt hash is damaged')
  const made = await bcrypt(password, stored.slice(0, 29))
  return timingSafeEqual(Buffer.from(made), Buffer.from(stored))
}

const bcrypt = async (password: string, salt: string): Promise<string> =>
  (await import('bcrypt')).default.hash(password, salt)

async function matchesScrypt(stored: string, password: string): Promise<boolean> {
  const [, , settings = '', salt = '', digest = ''] = stored.split('$')
  const [ln = 1, r = 8, p = 1] = numbersIn(settings)
  const expected = decoded(digest)
  if (expected.length < 16) throw new TypeError('a stored scrypt hash is damaged')
  const derived = await scryptBytes(password, decoded(salt), { ln, r, p, length: expected.length })
  return timingSafeEqual(derived, expected)
}

interface ScryptCost {
  ln: number
  r: number
  p: number
  length: number
}

function scryptBytes(password: string, salt: Buffer, { ln, r, p, length }: ScryptCost): Promise<Buffer> {
  const cost = 2 ** ln
  // Node refuses a cost that needs more than `maxmem`. The import has bounded the cost.
  const options = { cost, blockSize: r, parallelization: p, maxmem: 128 * r * (cost + p + 2) + 2 ** 20 }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

interface Origin {
  name: string
  /** Between name and salt; empty where there are none. */
  settings: string
  salt: string
}

type Recipe = (password: string, origin: Origin) => Promise<string>

/** By the beginning of the origin's name. Each recipe returns the digest as `ImportedHash.digest` has it. */
const recipes: readonly [name: RegExp, recipe: Recipe][] = [
  [/^ssha\d+$/, saltedSha],
  [/^pbkdf2-/, pbkdf2Digest],
  [/^bcrypt-sha256$/, (password, { settings, salt }) => bcryptOf(digestOnce('sha256', password), settings, salt)],
  [/^bcrypt-wp$/, (password, { settings, salt }) => bcryptOf(wordPressDigest(password), settings, salt)],
  [/^firebase-scrypt$/, firebaseKeyStream],
  [/^phpass$/, phpassDigest],
]

/** Finds the recipe by the origin: `$ssha256$<salt>` or `$pbkdf2-sha256$i=1000,l=32$<salt>`. */
async function weakDigest(origin: string, password: string): Promise<string> {
  const [, name = '', ...rest] = origin.split('$')
  const [, recipe] = recipes.find(([pattern]) => pattern.test(name)) ?? []
  if (!recipe) throw new TypeError('a stored password hash has no known form')
  return recipe(password, { name, settings: rest.length > 1 ? (rest[0] ?? '') : '', salt: rest.at(-1) ?? '' })
}

async function saltedSha(password: string, { name, salt }: Origin): Promise<string> {
  return plainBase64(createHash(name.slice(1)).update(password).update(decoded(salt)).digest())
}

async function pbkdf2Digest(password: string, { name, settings, salt }: Origin): Promise<string> {
  const [iterations = 1, length = 32] = numbersIn(settings)
  return plainBase64(await pbkdf2Bytes(password, decoded(salt), iterations, length, name.replace('pbkdf2-', '')))
}

async function bcryptOf(prehashed: string, rounds: string, salt: string): Promise<string> {
  return (await bcrypt(prehashed, `$2b$${rounds}$${salt}`)).slice(29)
}

/** WordPress trims the password. Its HMAC key separates its digests from those of other programs. */
const wordPressDigest = (password: string): string =>
  createHmac('sha384', 'wp-sha384').update(password.trim()).digest('base64')

/**
 * Firebase encrypts the project's signer key with the scrypt output of the password. The import has removed the signer
 * key, so the cipher's key stream is compared (AES-256-CTR from zero).
 */
async function firebaseKeyStream(password: string, { settings, salt }: Origin): Promise<string> {
  const [ln = 14, r = 8] = numbersIn(settings)
  const key = await scryptBytes(password, decoded(salt), { ln, r, p: 1, length: 32 })
  return plainBase64(createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(signerKeyBytes)))
}

/** The length in every Firebase project. */
export const signerKeyBytes = 64

const phpassLetters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Rounds of MD5 between two turns of the event loop. */
const roundsAtOnce = 1024

async function phpassDigest(password: string, { settings, salt }: Origin): Promise<string> {
  const typed = Buffer.from(password)
  let digest = createHash('md5').update(salt).update(typed).digest()
  for (let done = 0; done < 2 ** Number(settings); done += 1) {
    if (done % roundsAtOnce === 0) await setImmediate()
    digest = digestOnce('md5', Buffer.concat([digest, typed]), 'buffer')
  }
  return phpassText(digest)
}

/** Six bits a letter, the lowest first. */
function phpassText(digest: Buffer): string {
  let bits = 0n
  for (const [at, byte] of digest.entries()) bits |= BigInt(byte) << BigInt(8 * at)
  let text = ''
  for (let at = 0; at < 22; at += 1) text += phpassLetters.charAt(Number((bits >> BigInt(6 * at)) & 63n))
  return text
}

const numbersIn = (settings: string): number[] => settings.match(/\d+/g)?.map(Number) ?? []

function decoded(text: string): Buffer {
  const bytes = readBase64(text)
  if (!bytes) throw new TypeError('a stored password hash is damaged')
  return bytes
}
