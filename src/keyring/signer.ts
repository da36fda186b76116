/**
 * What a signer process does: it alone holds the key-encryption key and the private keys. It makes keys, opens
 * sealed ones into its own memory and signs with them; deployment secrets it opens for the asker, private keys for nobody.
 */
import type { webcrypto } from 'node:crypto'
import { type CryptoKey, importJWK, type JWK } from 'jose'
import { Failure } from '../errors/failure.ts'
import { getSigningAlgorithm, type SigningAlgorithm } from './algorithms.ts'
import type { Binding, Envelope, Sealed } from './envelope.ts'
import type { KeyPair } from './key-material.ts'
import { LocalKeyVault, type NewKey } from './key-vault.ts'
import type { SigningKey } from './signing-key.ts'

export type SealedKey = Pick<SigningKey, 'kid' | 'alg' | 'publicJwk' | 'sealed' | 'fingerprint'>

/** What may be asked of it, by name: parameters and answer, all plain JSON. */
export interface SignerTasks {
  fingerprint: { ask: Record<string, never>; answer: { fingerprint: string | null } }
  create: { ask: { alg: string }; answer: NewKey }
  adopt: { ask: { pair: KeyPair }; answer: NewKey }
  /** Opens a key into the signer's memory, from where it signs until the process ends. */
  open: { ask: { key: SealedKey }; answer: Record<string, never> }
  sign: { ask: { kid: string; data: string }; answer: { signature: string } }
  sealSecret: { ask: { kid: string; secret: string }; answer: Sealed }
  openSecret: { ask: { kid: string; sealed: Sealed }; answer: { secret: string } }
}

export type SignerTask = keyof SignerTasks

type SignParameters = { name: string } | webcrypto.EcdsaParams | webcrypto.RsaPssParams

const PARAMETERS: Record<SigningAlgorithm, SignParameters> = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', hash: 'SHA-384' },
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
  PS256: { name: 'RSA-PSS', saltLength: 32 },
  EdDSA: { name: 'Ed25519' },
  'ML-DSA-65': { name: 'ML-DSA-65' },
}

export class Signer {
  readonly #envelope: Envelope
  readonly #vault: LocalKeyVault
  readonly #keys = new Map<string, { key: CryptoKey; alg: SigningAlgorithm }>()

  constructor(envelope: Envelope) {
    this.#envelope = envelope
    this.#vault = new LocalKeyVault(envelope)
  }

  readonly tasks: { [Task in SignerTask]: (ask: SignerTasks[Task]['ask']) => Promise<SignerTasks[Task]['answer']> } = {
    fingerprint: async () => ({ fingerprint: this.#envelope.fingerprint ?? null }),
    create: ({ alg }) => this.#vault.create(getSigningAlgorithm(alg)),
    adopt: ({ pair }) => this.#vault.adopt(pair),
    open: async ({ key }) => {
      const open = await this.#vault.open(key)
      if ('privateJwk' in open) await this.#hold(open.kid, getSigningAlgorithm(open.alg), open.privateJwk)
      return {}
    },
    sign: async ({ kid, data }) => ({ signature: await this.#sign(kid, data) }),
    // The binding is made here: nobody gets a private key opened by calling it a secret.
    sealSecret: ({ kid, secret }) => this.#envelope.seal(secretBinding(kid), Buffer.from(secret, 'base64url')),
    openSecret: async ({ kid, sealed }) => {
      const secret = await this.#envelope.open(secretBinding(kid), sealed)
      return { secret: Buffer.from(secret).toString('base64url') }
    },
  }

  async #hold(kid: string, alg: SigningAlgorithm, privateJwk: JWK): Promise<void> {
    const key = (await importJWK(privateJwk, alg, { extractable: false })) as CryptoKey
    this.#keys.set(kid, { key, alg })
  }

  async #sign(kid: string, data: string): Promise<string> {
    const held = this.#keys.get(kid)
    if (!held) throw new Failure('signer_lacks_key', 'missing', `The signer has not opened ${kid}.`)
    const signature = await crypto.subtle.sign(PARAMETERS[held.alg], held.key, Buffer.from(data, 'base64url'))
    return Buffer.from(signature).toString('base64url')
  }
}

const secretBinding = (kid: string): Binding => ({ kid, purpose: 'secret' })
