import { plainBase64 } from './hash-base64.ts'
import { boundMemoryWork, bytes, digestOf, numbers, refused, tooExpensive } from './hash-bounds.ts'
import { respell } from './hash-spelling.ts'

/** A password hash that another program made. */
export interface ImportedHash {
  /** Format, cost and salt: everything except the digest. It reveals nothing about the password. */
  origin: string
  /**
   * The text that is stored; undefined when the hash is stored only within an argon2id hash (`PasswordHasher.keep`).
   */
  text: string | undefined
  /** In base64, or in the alphabet of its format. */
  digest: string
}

/** Undefined when the text is of another format. @throws Failure `password_hash_refused` (invalid). */
type ReadFormat = (text: string) => ImportedHash | undefined

const formats: readonly ReadFormat[] = [
  readArgon2,
  readBcrypt,
  readPrehashedBcrypt,
  readScrypt,
  readFirebaseScrypt,
  readPbkdf2,
  readSaltedSha,
  readPhpass,
]

/**
 * Reads a hash in one of the forms of docs/import.md. A hash that would cost a sign-in more than about a second or 128
 * MiB is refused. Otherwise an attacker who knows such a name could keep the server busy with wrong passwords.
 * @throws Failure `password_hash_refused` (invalid); its sentence never quotes the hash.
 */
export function readImportedHash(text: string): ImportedHash {
  if (text.length > 1024) throw refused('is longer than 1024 characters')
  const spelled = respell(text)
  for (const read of formats) {
    const hash = read(spelled)
    if (hash) return hash
  }
  throw refused('has a form that cannot be imported; docs/import.md lists those that can')
}

/**
 * Writes the hash without padding, which the verifier does not read. A hash of argon2 1.0 names no version, so its
 * version is 16.
 */
function readArgon2(text: string): ImportedHash | undefined {
  const [, kind = '', version = '16', settings = '', salt = '', digest = ''] =
    /^\$(argon2id?)(?:\$v=(16|19))?\$([a-z0-9=,]{1,100})\$([^$]*)\$([^$]*)$/.exec(text) ?? []
  if (!kind) return undefined
  const { m = 0, t = 0, p = 0 } = numbers(settings, ['m', 't', 'p'])
  if (m < 8 * p || t < 1 || p < 1) throw refused('has costs that argon2 does not know')
  boundMemoryWork(m * 1024, t, p)
  const saltBytes = bytes(salt, 8)
  const origin = `$${kind}$v=${version}$${settings}$${plainBase64(saltBytes)}`
  const plain = plainBase64(digestOf(digest))
  return { origin, text: `${origin}$${plain}`, digest: plain }
}

const mostBcryptRounds = 14
const bcryptLetters = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

function readBcrypt(text: string): ImportedHash | undefined {
  const { rounds, salt, digest } = bcryptParts(text) ?? {}
  if (!rounds || !salt || !digest) return undefined
  const origin = `$2b$${rounds}$${salt}`
  return { origin, text: origin + digest, digest }
}

/**
 * bcrypt of a digest of the password, which avoids the limit of 72 bytes: Django's `bcrypt_sha256$` and WordPress's
 * `$wp$`.
 */
function readPrehashedBcrypt(text: string): ImportedHash | undefined {
  const [, scheme = '', inner = ''] = /^(bcrypt_sha256\$|\$wp)(\$2.*)$/.exec(text) ?? []
  const { rounds, salt, digest } = bcryptParts(inner) ?? {}
  if (!rounds || !salt || !digest) return undefined
  const name = scheme === '$wp' ? 'bcrypt-wp' : 'bcrypt-sha256'
  return { origin: `$${name}$${rounds}$${salt}`, text: undefined, digest }
}

/** All three letters name one algorithm today. Old libraries leave random bits beyond 16 and 23 bytes. */
function bcryptParts(text: string): { rounds: string; salt: string; digest: string } | undefined {
  const [, rounds = '', salt = '', digest = ''] =
    /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/.exec(text) ?? []
  if (!rounds) return undefined
  if (Number(rounds) < 4) throw refused('has a cost that bcrypt does not know')
  if (Number(rounds) > mostBcryptRounds) throw tooExpensive()
  return { rounds, salt: withoutLastBits(salt, 4), digest: withoutLastBits(digest, 2) }
}

function withoutLastBits(text: string, bits: number): string {
  const last = bcryptLetters.indexOf(text.slice(-1))
  return text.slice(0, -1) + bcryptLetters.charAt((last >> bits) << bits)
}

function readScrypt(text: string): ImportedHash | undefined {
  const [, settings = '', salt = '', digest = ''] = /^\$scrypt\$([a-z0-9=,]{1,100})\$([^$]*)\$([^$]*)$/.exec(text) ?? []
  if (!settings) return undefined
  const { ln = 0, r = 0, p = 0 } = numbers(settings, ['ln', 'r', 'p'])
  boundScrypt(ln, r, p)
  const origin = `$scrypt$ln=${ln},r=${r},p=${p}$${plainBase64(bytes(salt))}`
  const plain = plainBase64(digestOf(digest))
  return { origin, text: `${origin}$${plain}`, digest: plain }
}

/**
 * The form that `people-forms/firebase.ts` writes: the salt with its separator, and the key stream instead of the
 * digest.
 */
function readFirebaseScrypt(text: string): ImportedHash | undefined {
  const [, settings = '', salt = '', digest = ''] =
    /^\$firebase-scrypt\$([a-z0-9=,]{1,100})\$([^$]*)\$([^$]*)$/.exec(text) ?? []
  if (!settings) return undefined
  const { ln = 0, r = 0 } = numbers(settings, ['ln', 'r'])
  boundScrypt(ln, r, 1)
  const keyStream = plainBase64(digestOf(digest))
  return {
    origin: `$firebase-scrypt$ln=${ln},r=${r}$${plainBase64(bytes(salt))}`,
    text: undefined,
    digest: keyStream,
  }
}

function boundScrypt(ln: number, r: number, p: number): void {
  if (ln < 1 || r < 1 || p < 1) throw refused('has costs that scrypt does not know')
  // OpenSSL refuses more: N < 2^(128 r / 8) (RFC 7914 §2).
  if (ln >= 16 * r) throw refused('has costs that scrypt does not know')
  boundMemoryWork(128 * r * 2 ** Math.min(ln, 64), p, p)
}

/** Iterations times blocks of output. */
const mostPbkdf2Work = 3_000_000
const blockBytes: Readonly<Record<string, number>> = { sha1: 20, sha256: 32, sha512: 64 }

/** Reads PHC strings and passlib's form: the bare number of rounds, `$pbkdf2$` for SHA-1. */
function readPbkdf2(text: string): ImportedHash | undefined {
  const [, hash = 'sha1', settings = '', salt = '', digest = ''] =
    /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$([a-z0-9=,]{1,100})\$([^$]*)\$([^$]*)$/.exec(text) ?? []
  if (!settings) return undefined
  const named = /^\d+$/.test(settings) ? `i=${settings}` : settings
  const { i = 0, l = 0 } = numbers(named.includes('l=') ? named : `${named},l=0`, ['i', 'l'])
  const derived = digestOf(digest)
  if (l !== 0 && l !== derived.length) throw refused('names a length that its digest does not have')
  if (i < 1) throw refused('has no iterations')
  if (i * Math.ceil(derived.length / (blockBytes[hash] ?? 1)) > mostPbkdf2Work) throw tooExpensive()
  const origin = `$pbkdf2-${hash}$i=${i},l=${derived.length}$${plainBase64(bytes(salt))}`
  return { origin, text: undefined, digest: plainBase64(derived) }
}

const saltedShas: Readonly<Record<string, [name: string, length: number]>> = {
  SSHA: ['ssha1', 20],
  SSHA256: ['ssha256', 32],
  SSHA384: ['ssha384', 48],
  SSHA512: ['ssha512', 64],
}

/** LDAP's form: base64 of the digest (of password and salt) and the salt. */
function readSaltedSha(text: string): ImportedHash | undefined {
  const [, scheme = '', both = ''] = /^\{([A-Za-z0-9]{1,10})\}(.*)$/s.exec(text) ?? []
  const [name, length] = saltedShas[scheme.toUpperCase()] ?? []
  if (name === undefined || length === undefined) return undefined
  const decoded = bytes(both)
  if (decoded.length <= length) throw refused('has no salt')
  const origin = `$${name}$${plainBase64(decoded.subarray(length))}`
  return { origin, text: undefined, digest: plainBase64(decoded.subarray(0, length)) }
}

/** 2^16 rounds of MD5; WordPress and phpBB make 2^13 at most. */
const mostPhpassRounds = 16

/** The portable hash of phpass: `$P$` of WordPress and `$H$` of phpBB are the same. */
function readPhpass(text: string): ImportedHash | undefined {
  const [, letter = '', salt = '', digest = ''] =
    /^\$[PH]\$([./0-9A-Za-z])([./0-9A-Za-z]{8})([./0-9A-Za-z]{22})$/.exec(text) ?? []
  if (!letter) return undefined
  const rounds = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.indexOf(letter)
  if (rounds < 7 || rounds > 30) throw refused('has a cost that phpass does not know')
  if (rounds > mostPhpassRounds) throw tooExpensive()
  return { origin: `$phpass$${rounds}$${salt}`, text: undefined, digest }
}
