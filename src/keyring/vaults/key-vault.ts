/**
 * Where private keys are kept. The local envelope stores them wrapped in the database and opens them into memory. An
 * external vault (another process, an HSM) keeps them and signs on request.
 */
import { calculateJwkThumbprint, type JWK } from 'jose'
import { Failure } from '../../errors/failure.ts'
import type { SigningAlgorithm } from '../cycle/algorithms.ts'
import { type KeyPair, keyPairOf, newKeyPair } from '../cycle/key-material.ts'
import { type Sign, signingWith } from '../live/local-signing.ts'
import type { SigningKey } from '../live/signing-key.ts'
import type { Envelope, Sealed } from './envelope.ts'

export interface NewKey {
  kid: string
  publicJwk: JWK
  sealed: Sealed
}

/** A key ready to sign, wherever its private half is. */
export interface OpenKey {
  kid: string
  alg: string
  publicJwk: JWK
  sign: Sign
}

export interface KeyVault {
  /** Fingerprint of the key that wraps new keys; undefined without a key-encryption key. */
  readonly fingerprint: string | undefined
  create(alg: SigningAlgorithm): Promise<NewKey>
  /** Imports a key pair. */
  adopt(pair: KeyPair): Promise<NewKey>
  /** @throws Failure when the key cannot be opened, or does not match the public key of its row */
  open(key: Pick<SigningKey, 'kid' | 'alg' | 'publicJwk' | 'sealed' | 'fingerprint'>): Promise<OpenKey>
}

export class LocalKeyVault implements KeyVault {
  readonly #envelope: Envelope

  constructor(envelope: Envelope) {
    this.#envelope = envelope
  }

  get fingerprint(): string | undefined {
    return this.#envelope.fingerprint
  }

  async create(alg: SigningAlgorithm): Promise<NewKey> {
    return this.adopt(await newKeyPair(alg))
  }

  async adopt({ kid, publicJwk, privateJwk }: KeyPair): Promise<NewKey> {
    const secret = new TextEncoder().encode(JSON.stringify(privateJwk))
    return { kid, publicJwk, sealed: await this.#envelope.seal({ kid, purpose: 'signing-key' }, secret) }
  }

  async open({ kid, alg, publicJwk, sealed, fingerprint }: Parameters<KeyVault['open']>[0]): Promise<OpenKey> {
    const jwe = sealed ?? ''
    const plain = await this.#envelope.open({ kid, purpose: 'signing-key' }, { jwe, fingerprint })
    const pair = await keyPairOf(JSON.parse(new TextDecoder().decode(plain)) as JWK, alg, kid)
    // Without this check, a writer to the database could publish another public key under this kid.
    if ((await calculateJwkThumbprint(publicJwk)) !== (await calculateJwkThumbprint(pair.publicJwk))) {
      throw new Failure(
        'signing_key_tampered',
        'conflict',
        `The public key stored for ${kid} does not match its private key: the row was changed. Revoke it with \`keys revoke ${kid} --compromised\`.`,
        { detail: { kid, alg } },
      )
    }
    return { kid, alg, publicJwk, sign: signingWith(pair.privateJwk, alg) }
  }
}
