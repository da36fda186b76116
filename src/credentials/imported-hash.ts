import { Failure } from '../errors/failure.ts'
import { plainBase64, readBase64 } from './hash-base64.ts'

/** A password hash that another program made. */
export interface ImportedHash {
  /** Format, cost and salt: all but the digest. It tells nothing of the password. */
  origin: string
  /** How it rests here; undefined when only within a hash of ours (`PasswordHasher.keep`). */
  text: string | undefined
  /** As base64. */
  digest: string
}

/** Undefined when the text is of another format. @throws Failure `password_hash_refused` (invalid). */
type ReadFormat = (text: string) => ImportedHash | undefined

const formats: readonly ReadFormat[] = [readArgon2, readBcrypt, readScrypt, readPbkdf2, readDjangoPbkdf2, readSaltedSha]

/**
 * Reads a hash in one of the forms of docs/import.md. What would cost a sign-in more than about a second or 128 MiB is
 * refused: who knows such a name could keep the server busy with wrong passwords.
 * @throws Failure `password_hash_refused` (invalid); its sentence never quotes the hash.
 */
export function readImportedHash(text: string): ImportedHash {
  if (text.length > 1024) throw refused('is longer than 1024 characters')
  for (const read of formats) {
    const hash = read(text)
    if (hash) return hash
  }
  throw refused('has a form that cannot be imported; docs/import.md lists those that can')
}

const mostMemoryBytes = 128 * 2 ** 20
/** Memory times passes, or lanes. */
const mostMemoryWork = 8 * mostMemoryBytes
const mostBcryptRounds = 14
/** Iterations times blocks of output. */
const mostPbkdf2Work = 3_000_000

function readArgon2(text: string): ImportedHash | undefined {
  const [, origin = '', settings = '', salt = '', digest = ''] =
    /^(\$argon2id?\$v=(?:16|19)\$([a-z0-9=,]{1,100})\$([^$]*))\$([^$]*)$/.exec(text) ?? []
  if (!origin) return undefined
  const { m = 0, t = 0, p = 0 } = numbers(settings, ['m', 't', 'p'])
  if (m < 8 * p || t < 1 || p < 1) throw refused('has costs that argon2 does not know')
  if (m * 1024 > mostMemoryBytes || m * 1024 * t > mostMemoryWork || p > 64) throw tooDear()
  if (bytes(salt, 8).length < 8) throw refused('has a salt that argon2 does not know')
  return { origin, text, digest: plainBase64(digestOf(digest)) }
}

const bcryptLetters = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

function readBcrypt(text: string): ImportedHash | undefined {
  const [, rounds = '', salt = '', digest = ''] =
    /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/.exec(text) ?? []
  if (!rounds) return undefined
  if (Number(rounds) < 4) throw refused('has a cost that bcrypt does not know')
  if (Number(rounds) > mostBcryptRounds) throw tooDear()
  // All three letters name one algorithm today. Bits beyond 16 and 23 bytes are noise of old libraries.
  const origin = `$2b$${rounds}$${withoutLastBits(salt, 4)}`
  const plain = withoutLastBits(digest, 2)
  return { origin, text: origin + plain, digest: plain }
}

function withoutLastBits(text: string, bits: number): string {
  const last = bcryptLetters.indexOf(text.slice(-1))
  return text.slice(0, -1) + bcryptLetters.charAt((last >> bits) << bits)
}

function readScrypt(text: string): ImportedHash | undefined {
  const [, settings = '', salt = '', digest = ''] = /^\$scrypt\$([a-z0-9=,]{1,100})\$([^$]*)\$([^$]*)$/.exec(text) ?? []
  if (!settings) return undefined
  const { ln = 0, r = 0, p = 0 } = numbers(settings, ['ln', 'r', 'p'])
  if (ln < 1 || r < 1 || p < 1) throw refused('has costs that scrypt does not know')
  const memory = 128 * r * 2 ** Math.min(ln, 64)
  if (memory > mostMemoryBytes || memory * p > mostMemoryWork || p > 64) throw tooDear()
  const origin = `$scrypt$ln=${ln},r=${r},p=${p}$${plainBase64(bytes(salt))}`
  const plain = plainBase64(digestOf(digest))
  return { origin, text: `${origin}$${plain}`, digest: plain }
}

/** As a PHC string, and as passlib writes it: the bare number of rounds, `$pbkdf2$` for SHA-1. */
function readPbkdf2(text: string): ImportedHash | undefined {
  const [, hash = 'sha1', settings = '', salt = '', digest = ''] =
    /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$([a-z0-9=,]{1,100})\$([^$]*)\$([^$]*)$/.exec(text) ?? []
  if (!settings) return undefined
  const named = /^\d+$/.test(settings) ? `i=${settings}` : settings
  const { i = 0, l } = numbers(named.includes('l=') ? named : `${named},l=0`, ['i', 'l'])
  const derived = digestOf(digest)
  if (l !== 0 && l !== derived.length) throw refused('says another length than its digest has')
  return pbkdf2(hash, i, bytes(salt), derived)
}

/** As Django writes it: its salt is text. */
function readDjangoPbkdf2(text: string): ImportedHash | undefined {
  const [, hash = '', iterations = '', salt = '', digest = ''] =
    /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,10})\$([\x21-\x23\x25-\x7e]{1,128})\$([^$]*)$/.exec(text) ?? []
  return hash ? pbkdf2(hash, Number(iterations), Buffer.from(salt), digestOf(digest)) : undefined
}

const blockBytes: Readonly<Record<string, number>> = { sha1: 20, sha256: 32, sha512: 64 }

function pbkdf2(hash: string, iterations: number, salt: Buffer, digest: Buffer): ImportedHash {
  if (iterations < 1) throw refused('has no iterations')
  if (iterations * Math.ceil(digest.length / (blockBytes[hash] ?? 1)) > mostPbkdf2Work) throw tooDear()
  const origin = `$pbkdf2-${hash}$i=${iterations},l=${digest.length}$${plainBase64(salt)}`
  return { origin, text: undefined, digest: plainBase64(digest) }
}

const saltedShas: Readonly<Record<string, [name: string, length: number]>> = {
  SSHA: ['ssha1', 20],
  SSHA256: ['ssha256', 32],
  SSHA512: ['ssha512', 64],
}

/** As LDAP servers write it: base64 of digest and salt, the digest of password and salt. */
function readSaltedSha(text: string): ImportedHash | undefined {
  const [, scheme = '', both = ''] = /^\{([A-Za-z0-9]{1,10})\}(.*)$/s.exec(text) ?? []
  const [name, length] = saltedShas[scheme.toUpperCase()] ?? []
  if (name === undefined || length === undefined) return undefined
  const decoded = bytes(both)
  if (decoded.length <= length) throw refused('has no salt')
  const origin = `$${name}$${plainBase64(decoded.subarray(length))}`
  return { origin, text: undefined, digest: plainBase64(decoded.subarray(0, length)) }
}

/** `m=19456,t=2,p=1`: exactly these names, each once, in any order. */
function numbers(text: string, names: readonly string[]): Record<string, number> {
  const pairs = text.split(',').map((pair) => /^([a-z]+)=(\d{1,10})$/.exec(pair)?.slice(1) ?? ['', ''])
  const found = Object.fromEntries(pairs.map(([name = '', value]) => [name, Number(value)]))
  const isWhole = pairs.length === names.length && names.every((name) => Object.hasOwn(found, name))
  if (!isWhole) throw refused(`must give ${names.join(', ')} and no other cost`)
  return found
}

/** A shorter digest would let other passwords in, too. */
function digestOf(text: string): Buffer {
  const digest = bytes(text)
  if (digest.length < 16 || digest.length > 64) throw refused('must have a digest of 16 to 64 bytes')
  return digest
}

function bytes(text: string, least = 1): Buffer {
  const decoded = readBase64(text)
  if (!decoded) throw refused('holds a part that is not base64')
  if (decoded.length < least) throw refused('has no salt, or one that is too short')
  return decoded
}

const tooDear = () => refused('costs more than a sign-in here may; such people need a new password')

const refused = (fault: string) => new Failure('password_hash_refused', 'invalid', `password_hash ${fault}.`)
