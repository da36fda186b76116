/**
 * The key-encryption key: 32 bytes, base64url, in the environment or in a file.
 * During a replacement, both keys are listed, the new one first.
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '../errors/failure.ts'
import type { Config } from './config.ts'
import type { Parsed } from './option.ts'

type Place = Pick<Config, 'keyEncryptionKey' | 'keyEncryptionKeyFile' | 'production'>

const variable = 'CLAVIGER_KEY_ENCRYPTION_KEY'

/** The fault never quotes the text, which is the secret. */
export function keyEncryptionKeyText(given: string): Parsed<string> {
  return decode(given)
    ? { value: given }
    : { fault: 'must be 32 random bytes in base64url: 43 characters of A-Z a-z 0-9 - _' }
}

/**
 * The available keys, newest first. Each call reads the file again.
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
 * Outside production, creates the key file if it is missing. Returns true if it created the file.
 * Never overwrites: a new key cannot unwrap what an old key wrapped.
 */
export async function ensureKeyEncryptionKey(place: Place): Promise<boolean> {
  if (place.keyEncryptionKey !== undefined) return false
  if ((await readKeyFile(place.keyEncryptionKeyFile)) !== undefined) return false
  if (place.production) throw missing(place)
  await mkdir(dirname(place.keyEncryptionKeyFile), { recursive: true, mode: 0o700 })
  return await createOnce(place.keyEncryptionKeyFile, `${randomBytes(32).toString('base64url')}\n`)
}

/**
 * Writes the keys to the file, newest first, atomically: a concurrent reader gets the old or the new content.
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
      `${path} cannot be replaced from here. On every node, write the new key and the current key into it, one per line, the new one first. Then run this command again.`,
      { cause },
    )
  }
}

/** Creates the file atomically, and in only one of several processes. */
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
  // Most tools print a trailing `=`; it is harmless.
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
      `${path} cannot be read: check its owner and its permissions.`,
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
    `There is no key-encryption key: set ${variable} or ${variable}_FILE, or write one into ${place.keyEncryptionKeyFile} (create it once, for example with: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='). In production Claviger creates none.`,
  )
