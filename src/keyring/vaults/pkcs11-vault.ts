/**
 * Private keys in an HSM. The database holds a reference to the HSM object, sealed and bound to its row like a key.
 * Keys of the local envelope keep signing until they retire, so a deployment moves to the HSM by its next rotation.
 */
import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { Failure } from '../../errors/failure.ts'
import { getSigningAlgorithm, type SigningAlgorithm } from '../cycle/algorithms.ts'
import type { Envelope } from './envelope.ts'
import { type KeyVault, LocalKeyVault, type NewKey, type OpenKey } from './key-vault.ts'
import type { Mechanism, Pkcs11Token } from './pkcs11-token.ts'

const CKA = { modulus: 0x120, modulusBits: 0x121, publicExponent: 0x122, ecParams: 0x180, ecPoint: 0x181 } as const
const CKM = { rsaPair: 0x0, ecPair: 0x1040, edwardsPair: 0x1055 } as const

interface Method {
  pair: Mechanism
  sign: Mechanism
  /** DER of the curve's name; undefined for RSA. */
  curve?: { der: string; crv: string; bytes: number }
  /** Set when the token signs a digest that this process computes. */
  digest?: string
}

const p256 = { der: '06082a8648ce3d030107', crv: 'P-256', bytes: 32 }
const p384 = { der: '06052b81040022', crv: 'P-384', bytes: 48 }
const ed25519 = { der: '06032b6570', crv: 'Ed25519', bytes: 32 }
/** SHA-256, MGF1 with SHA-256, a salt of 32 bytes. `type` selects this parameter structure in pkcs11js. */
const pss = { type: 5, hashAlg: 0x250, mgf: 2, saltLen: 32 }

const methods: Partial<Record<SigningAlgorithm, Method>> = {
  ES256: { pair: { mechanism: CKM.ecPair }, sign: { mechanism: 0x1041 }, curve: p256, digest: 'sha256' },
  ES384: { pair: { mechanism: CKM.ecPair }, sign: { mechanism: 0x1041 }, curve: p384, digest: 'sha384' },
  EdDSA: { pair: { mechanism: CKM.edwardsPair }, sign: { mechanism: 0x1057 }, curve: ed25519 },
  RS256: { pair: { mechanism: CKM.rsaPair }, sign: { mechanism: 0x40 } },
  PS256: { pair: { mechanism: CKM.rsaPair }, sign: { mechanism: 0x43, parameter: pss } },
}

export class Pkcs11Vault implements KeyVault {
  readonly #token: Pkcs11Token
  readonly #envelope: Envelope
  readonly #local: LocalKeyVault

  constructor(token: Pkcs11Token, envelope: Envelope) {
    this.#token = token
    this.#envelope = envelope
    this.#local = new LocalKeyVault(envelope)
  }

  get fingerprint(): string | undefined {
    return this.#envelope.fingerprint
  }

  async create(alg: SigningAlgorithm): Promise<NewKey> {
    const { pair, curve } = methodOf(alg)
    const { id, material } = curve ? await this.#makeEcPair(pair, curve) : await this.#makeRsaPair(pair)
    const kid = await calculateJwkThumbprint(material)
    const reference = new TextEncoder().encode(JSON.stringify({ pkcs11: id }))
    const sealed = await this.#envelope.seal({ kid, purpose: 'signing-key' }, reference)
    return { kid, publicJwk: { ...material, kid, alg, use: 'sig' }, sealed }
  }

  async adopt(): Promise<NewKey> {
    throw new Failure(
      'pkcs11_takes_no_key',
      'conflict',
      'With an HSM, keys are created in the HSM and cannot be imported. Import the key before the HSM is switched on.',
    )
  }

  async open(key: Parameters<KeyVault['open']>[0]): Promise<OpenKey> {
    const { kid, publicJwk, sealed, fingerprint } = key
    const plain = await this.#envelope.open({ kid, purpose: 'signing-key' }, { jwe: sealed ?? '', fingerprint })
    const { pkcs11: id } = JSON.parse(new TextDecoder().decode(plain)) as { pkcs11?: string }
    if (id === undefined) return this.#local.open(key)
    const alg = getSigningAlgorithm(key.alg)
    const { sign, digest } = methodOf(alg)
    const signed = await this.#token.signerOf(id, sign)
    const open: OpenKey = {
      kid,
      alg,
      publicJwk,
      sign: (data) => signed(digest ? createHash(digest).update(data).digest() : Buffer.from(data)),
    }
    await refuseMismatch(open)
    return open
  }

  async #makeEcPair(pair: Mechanism, { der, crv, bytes }: NonNullable<Method['curve']>) {
    const template = [{ type: CKA.ecParams, value: Buffer.from(der, 'hex') }]
    const { id, attributes } = await this.#token.makePair(pair, template, [CKA.ecPoint])
    // A DER octet string around the point. The coordinates are its last bytes.
    const [point = Buffer.alloc(0)] = attributes
    const part = (from: number, to?: number) => point.subarray(from, to).toString('base64url')
    const material: JWK =
      crv === 'Ed25519'
        ? { kty: 'OKP', crv, x: part(-bytes) }
        : { kty: 'EC', crv, x: part(-2 * bytes, -bytes), y: part(-bytes) }
    return { id, material }
  }

  async #makeRsaPair(pair: Mechanism) {
    const template = [
      { type: CKA.modulusBits, value: 2048 },
      { type: CKA.publicExponent, value: Buffer.from([1, 0, 1]) },
    ]
    const { id, attributes } = await this.#token.makePair(pair, template, [CKA.modulus, CKA.publicExponent])
    const [n = Buffer.alloc(0), e = Buffer.alloc(0)] = attributes
    const material: JWK = { kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') }
    return { id, material }
  }
}

function methodOf(alg: SigningAlgorithm): Method {
  const method = methods[alg]
  if (method) return method
  throw new Failure('pkcs11_algorithm_unknown', 'conflict', `${alg} cannot be used with keys in an HSM yet.`)
}

/** Checks that the HSM key matches the published key: a mismatch means that the row or the token was changed. */
async function refuseMismatch({ kid, alg, publicJwk, sign }: OpenKey): Promise<void> {
  const data = Buffer.from('claviger key check')
  const key = createPublicKey({ key: publicJwk as JsonWebKey, format: 'jwk' })
  const digest = alg === 'EdDSA' ? null : alg === 'ES384' ? 'sha384' : 'sha256'
  const padding = alg === 'PS256' ? { padding: 6, saltLength: 32 } : {}
  if (verify(digest, data, { key, dsaEncoding: 'ieee-p1363', ...padding }, await sign(data))) return
  throw new Failure(
    'signing_key_tampered',
    'conflict',
    `The public key stored for ${kid} does not match the private key in the HSM. Revoke it with \`keys revoke ${kid} --compromised\`.`,
    { detail: { kid, alg } },
  )
}
