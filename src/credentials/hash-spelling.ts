/** Converts the spellings of other programs to the one spelling that `imported-hash.ts` reads. */
import { plainBase64, readBase64 } from './hash-base64.ts'
import { refused } from './hash-bounds.ts'

/** Undefined when the text is spelled otherwise. */
type Respell = (text: string) => string | undefined

const spellings: readonly Respell[] = [django, werkzeug, springScheme, ldapPbkdf2, aspNetIdentity]

/** Returns other texts unchanged. @throws Failure `password_hash_refused` for a text that is no hash at all. */
export function respell(text: string): string {
  for (const spelling of spellings) {
    const found = spelling(text)
    if (found !== undefined) return found
  }
  return text
}

/** `argon2$`, `bcrypt$`, `pbkdf2_…$` and `scrypt$`, whose salts are text. */
function django(text: string): string | undefined {
  const [, inner] = /^(?:argon2(?=\$argon2)|bcrypt\$(?=\$2))(.*)$/s.exec(text) ?? []
  if (inner !== undefined) return inner
  const [, hash, iterations, salt = '', digest] =
    /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,10})\$([\x21-\x23\x25-\x7e]{1,128})\$([^$]*)$/.exec(text) ?? []
  if (hash !== undefined) return `$pbkdf2-${hash}$i=${iterations}$${ofText(salt)}$${digest}`
  const [, cost = '', scryptSalt = '', r = '', p = '', scryptDigest = ''] =
    /^scrypt\$(\d{1,10})\$([\x21-\x23\x25-\x7e]{1,128})\$(\d{1,10})\$(\d{1,10})\$([^$]*)$/.exec(text) ?? []
  return cost === '' ? undefined : scrypt(Number(cost), [r, p], ofText(scryptSalt), scryptDigest)
}

/** Flask's: `scrypt:32768:8:1$salt$hex` and `pbkdf2:sha256:600000$salt$hex`. */
function werkzeug(text: string): string | undefined {
  const [, cost = '', r = '', p = '', salt = '', digest = ''] =
    /^scrypt:(\d{1,10}):(\d{1,10}):(\d{1,10})\$([\x21-\x23\x25-\x7e]{1,128})\$([0-9a-f]{1,128})$/.exec(text) ?? []
  if (cost !== '') return scrypt(Number(cost), [r, p], ofText(salt), ofHex(digest))
  const [, hash, iterations, pbkdf2Salt = '', pbkdf2Digest = ''] =
    /^pbkdf2:(sha1|sha256|sha512):(\d{1,10})\$([\x21-\x23\x25-\x7e]{1,128})\$([0-9a-f]{1,128})$/.exec(text) ?? []
  if (hash === undefined) return undefined
  return `$pbkdf2-${hash}$i=${iterations}$${ofText(pbkdf2Salt)}$${ofHex(pbkdf2Digest)}`
}

/** Iterations and salt bytes, which Spring's hashes do not contain. */
const springPbkdf2: Readonly<Record<string, [hash: string, iterations: number, saltBytes: number]>> = {
  pbkdf2: ['sha1', 185_000, 8],
  'pbkdf2@springsecurity_v5_8': ['sha256', 310_000, 16],
}

/** `{id}` of Spring Security's DelegatingPasswordEncoder; OpenLDAP writes `{ARGON2}` and `{CRYPT}` alike. */
function springScheme(text: string): string | undefined {
  const [, given = '', inner = ''] = /^\{([A-Za-z0-9@_-]{1,40})\}(.*)$/s.exec(text) ?? []
  const scheme = given.toLowerCase()
  if (['noop', 'cleartext', 'plain'].includes(scheme)) {
    throw refused(`is the password itself ({${given}}), which is not stored here; this person needs a new password`)
  }
  if (scheme === 'bcrypt' || scheme === 'crypt' || /^argon2(@springsecurity_v5_[28])?$/.test(scheme)) return inner
  if (/^scrypt(@springsecurity_v(4_1|5_8))?$/.test(scheme)) return springScrypt(inner)
  const [hash, iterations, saltBytes] = springPbkdf2[scheme] ?? []
  if (hash === undefined || !/^([0-9a-f]{2}){33,80}$/i.test(inner)) return undefined
  const both = Buffer.from(inner, 'hex')
  const [salt, digest] = [both.subarray(0, saltBytes), both.subarray(saltBytes)]
  return `$pbkdf2-${hash}$i=${iterations}$${plainBase64(salt)}$${plainBase64(digest)}`
}

/** `$e0801$salt$digest`: the costs are one hexadecimal number, with one byte each for r and p. */
function springScrypt(text: string): string | undefined {
  const [, costs = '', salt = '', digest = ''] = /^\$([0-9a-f]{5,7})\$([^$]*)\$([^$]*)$/.exec(text) ?? []
  if (costs === '') return undefined
  const all = Number.parseInt(costs, 16)
  return `$scrypt$ln=${all >> 16},r=${(all >> 8) & 255},p=${all & 255}$${salt}$${digest}`
}

/** OpenLDAP's `{PBKDF2-SHA256}10000$salt$digest`; without a name it is SHA-1. */
function ldapPbkdf2(text: string): string | undefined {
  const [, hash = 'SHA1', rest] = /^\{PBKDF2(?:-(SHA1|SHA256|SHA512))?\}(\d{1,10}\$[^$]*\$[^$]*)$/i.exec(text) ?? []
  return rest === undefined ? undefined : `$pbkdf2-${hash.toLowerCase()}$${rest}`
}

/** Base64 of a marker, the costs (version 3 only), the salt and the derived key. */
function aspNetIdentity(text: string): string | undefined {
  const all = /^A[A-Q][A-Za-z0-9+/]{60,400}={0,2}$/.test(text) ? readBase64(text) : undefined
  if (!all) return undefined
  if (all[0] === 0 && all.length === 49) {
    return `$pbkdf2-sha1$i=1000$${plainBase64(all.subarray(1, 17))}$${plainBase64(all.subarray(17))}`
  }
  const hash = ['sha1', 'sha256', 'sha512'][all.readUInt32BE(1)]
  const saltBytes = all.readUInt32BE(9)
  if (all[0] !== 1 || hash === undefined || saltBytes > all.length - 13) return undefined
  const [salt, digest] = [all.subarray(13, 13 + saltBytes), all.subarray(13 + saltBytes)]
  return `$pbkdf2-${hash}$i=${all.readUInt32BE(5)}$${plainBase64(salt)}$${plainBase64(digest)}`
}

/** The cost is N itself, a power of two. */
function scrypt(cost: number, [r, p]: readonly string[], salt: string, digest: string): string {
  const ln = Math.log2(cost)
  if (!Number.isInteger(ln)) throw refused('has costs that scrypt does not know')
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt}$${digest}`
}

const ofText = (text: string): string => plainBase64(Buffer.from(text))
const ofHex = (text: string): string => plainBase64(Buffer.from(text, 'hex'))
