/**
 * The key-encryption key: 32 bytes, base64url, in the environment or in a file.
 * While it is being replaced, both stand there, the new one first.
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '../errors/failure.ts'
import type { Config } from './config.ts'
import type { Parsed } from './option.ts'

type Place = Pick<Config, 'keyEncryptionKey' | 'keyEncryptionKeyFile' | 'production'>

const variable = 'CLAVIGER_KEY_ENCRYPTION_KEY'

/** Says nothing of the text itself: it is the secret. */
export function keyEncryptionKeyText(given: string): Parsed<string> {
  return decode(given)
    ? { value: given }
    : { fault: 'must be 32 random bytes in base64url: 43 characters of A-Z a-z 0-9 - _' }
}

/**
 * The keys at hand, newest first, read again from the file at each call.
 * @throws Failure `key_encryption_key_missing`, `key_encryption_key_malformed`
 */
export async function readKeyEncryptionKeys(place: Place): Promise<readonly Uint8Array[]> {
  const text = place.keyEncryptionKey ?? (await readKeyFile(place.keyEncryptionKeyFile))
  if (text === undefined) throw missing(place)
  const keys = decode(text)
  if (!keys) {
    throw new Failure(
      'key_encryption_key_malformed',
      'invalid',
      `${place.keyEncryptionKey === undefined ? place.keyEncryptionKeyFile : variable} must hold 32 random bytes in base64url: 43 characters of A-Z a-z 0-9 - _.`,
    )
  }
  return keys
}

/**
 * Makes the key file where there is none, outside production. Returns whether it did.
 * Never overwrites: what an old key wrapped, no new one opens.
 */
export async function ensureKeyEncryptionKey(place: Place): Promise<boolean> {
  if (place.keyEncryptionKey !== undefined) return false
  if ((await readKeyFile(place.keyEncryptionKeyFile)) !== undefined) return false
  if (place.production) throw missing(place)
  await mkdir(dirname(place.keyEncryptionKeyFile), { recursive: true, mode: 0o700 })
  return await createOnce(place.keyEncryptionKeyFile, `${randomBytes(32).toString('base64url')}\n`)
}

/**
 * Puts these keys into the file, newest first, in one step: whoever reads it meanwhile gets the old content or the new.
 * @throws Failure `key_encryption_key_unwritable`
 */
export async function writeKeyEncryptionKeys(path: string, keys: readonly Uint8Array[]): Promise<void> {
  const apart = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`
  const lines = keys.map((key) => `${Buffer.from(key).toString('base64url')}\n`)
  try {
    await writeFile(apart, lines.join(''), { mode: 0o600, flag: 'wx' })
    await rename(apart, path)
  } catch (cause) {
    await rm(apart, { force: true }).catch(() => undefined)
    throw new Failure(
      'key_encryption_key_unwritable',
      'conflict',
      `${path} cannot be replaced here. Put a new key and the one in use into it yourself, a line each, the new one first, on every node; then run this again.`,
      { cause },
    )
  }
}

/** With its whole content or not at all, and by one of several processes. */
async function createOnce(path: string, content: string): Promise<boolean> {
  const apart = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`
  await writeFile(apart, content, { mode: 0o600, flag: 'wx' })
  try {
    await link(apart, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(apart, { force: true })
  }
}

function decode(text: string): Uint8Array[] | undefined {
  const lines = text.split(/[\s,]+/).filter(Boolean)
  // A trailing `=` is what most tools print, and harmless.
  const keys = lines.map((line) => (/^[\w-]{43}=?$/.test(line) ? Buffer.from(line, 'base64url') : undefined))
  return keys.length > 0 && keys.every((key) => key?.length === 32) ? (keys as Uint8Array[]) : undefined
}

async function readKeyFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Failure(
      'key_encryption_key_unreadable',
      'invalid',
      `${path} cannot be read: check who owns it and its permissions.`,
      {
        cause: error,
      },
    )
  }
}

const missing = (place: Place): Failure =>
  new Failure(
    'key_encryption_key_missing',
    'invalid',
    `There is no key-encryption key: set ${variable} or ${variable}_FILE, or put one into ${place.keyEncryptionKeyFile} (make it once, for instance with: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='). None is invented in production.`,
  )
