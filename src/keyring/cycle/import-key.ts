/** Reads a foreign private key, as PEM or JWK, and refuses keys that may not sign here. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { Failure } from '../../errors/failure.ts'
import { algorithmsFor, getSigningAlgorithm, type SigningAlgorithm } from './algorithms.ts'
import { isPair, isPrivate, type KeyPair, keyPairOf } from './key-material.ts'

const LEAST_RSA_BITS = 2048
const MOST_TEXT = 20_000

/**
 * @param text PEM (PKCS #8, PKCS #1, SEC 1) or JWK
 * @param alg the algorithm to sign with; may be absent when the key allows only one
 * @throws Failure of kind `invalid`, which names the fault and never quotes the key
 */
export async function readForeignKey(text: string, alg?: string): Promise<{ pair: KeyPair; alg: SigningAlgorithm }> {
  const wanted = alg === undefined ? undefined : getSigningAlgorithm(alg)
  if (text.length > MOST_TEXT) throw malformed(`it is longer than ${MOST_TEXT} characters`)
  const jwk = text.trimStart().startsWith('{') ? readJwk(text) : readPem(text)
  if (!isPrivate(jwk)) {
    throw new Failure(
      'private_key_missing',
      'invalid',
      'This is a public key only. Signing needs the private key: give the private key.',
    )
  }
  const chosen = chooseAlgorithm(jwk, wanted)
  refuseWeakRsa(jwk)
  const pair = await keyPairOf(jwk, chosen, readKid(jwk))
  if (!(await isPair(pair.privateJwk, pair.publicJwk, chosen)))
    throw malformed('its private and public parts do not belong together')
  return { pair, alg: chosen }
}

function readPem(text: string): JWK {
  if (/BEGIN (RSA |EC )?PUBLIC KEY|BEGIN CERTIFICATE/.test(text) && !text.includes('PRIVATE KEY'))
    return { kty: 'public' }
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text)) {
    throw malformed(
      'it is encrypted with a passphrase; decrypt it first (`openssl pkey -in key.pem`) and hand it over by a pipe',
    )
  }
  let key: KeyObject
  try {
    key = createPrivateKey(text)
  } catch {
    throw malformed('it is neither PEM nor a JWK')
  }
  if (key.asymmetricKeyType === 'rsa-pss')
    throw malformed('it is restricted to RSA-PSS parameters; convert it to a plain RSA key')
  try {
    return key.export({ format: 'jwk' }) as JWK
  } catch {
    throw malformed(`keys of type ${key.asymmetricKeyType} do not sign tokens`)
  }
}

function readJwk(text: string): JWK {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed('it looks like a JWK, but is not valid JSON')
  }
  if (typeof value !== 'object' || value === null || typeof (value as JWK).kty !== 'string')
    throw malformed('a JWK has a "kty"')
  const jwk = value as JWK
  if (Object.values(jwk).some((member) => typeof member === 'object' && !Array.isArray(member)))
    throw malformed('a JWK has no nested members')
  if (jwk.use !== undefined && jwk.use !== 'sig') throw malformed('its "use" is not "sig": it is not a signing key')
  if (jwk.kty === 'oct')
    throw malformed('it is a shared secret; verifiers need a public key, so give an asymmetric key')
  return jwk
}

function chooseAlgorithm(jwk: JWK, wanted: SigningAlgorithm | undefined): SigningAlgorithm {
  const possible = algorithmsFor(jwk)
  const asked = wanted ?? possible.find((alg) => alg === jwk.alg) ?? (jwk.alg === undefined ? possible[0] : undefined)
  if (asked && possible.includes(asked)) return asked
  const kind = [jwk.kty, jwk.crv ?? jwk.alg].filter(Boolean).join(' ').slice(0, 40)
  const sentence =
    possible.length === 0
      ? `A key of type ${kind} cannot sign tokens here`
      : `A key of type ${kind} signs ${possible.join(' or ')}, not ${asked ?? jwk.alg}`
  throw new Failure(
    'signing_algorithm_wrong',
    'invalid',
    `${sentence}. Choose the algorithm with --alg, or give another key.`,
  )
}

function refuseWeakRsa(jwk: JWK): void {
  if (jwk.kty !== 'RSA') return
  const modulus = Buffer.from(jwk.n ?? '', 'base64url')
  const first = modulus.findIndex((byte) => byte !== 0)
  const bits = first < 0 ? 0 : (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24
  if (bits >= LEAST_RSA_BITS) return
  throw new Failure(
    'rsa_key_too_short',
    'invalid',
    `This RSA key has ${bits} bits; RFC 7518 §3.3 asks for at least ${LEAST_RSA_BITS}. Give a longer one.`,
  )
}

/** Existing tokens name the key by its kid, so the kid is kept. */
function readKid({ kid }: JWK): string | undefined {
  if (kid === undefined || /^[\x21-\x7e]{1,128}$/.test(kid)) return kid
  throw malformed('its "kid" is not 1 to 128 visible ASCII characters')
}

const malformed = (why: string): Failure =>
  new Failure('private_key_malformed', 'invalid', `The key cannot be read: ${why}.`)
