/**
 * Where private keys are. The local envelope keeps them in the database, wrapped, and opens them into memory;
 * a vault elsewhere (another process, an HSM) keeps them to itself and signs on request.
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
  /** Of what new keys are wrapped under; undefined where there is nothing to wrap with. */
  readonly fingerprint: string | undefined
  create(alg: SigningAlgorithm): Promise<NewKey>
  /** Takes in a key pair made elsewhere. */
  adopt(pair: KeyPair): Promise<NewKey>
  /** @throws Failure when it cannot be opened, or is not the private half of what the row publishes */
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
    // Without this, who can write to the database could publish a key of his own under the name of ours.
    if ((await calculateJwkThumbprint(publicJwk)) !== (await calculateJwkThumbprint(pair.publicJwk))) {
      throw new Failure(
        'signing_key_tampered',
        'conflict',
        `The public key stored for ${kid} is not that of its private key: the row was changed. Revoke it with \`keys revoke ${kid} --compromised\`.`,
        { detail: { kid, alg } },
      )
    }
    return { kid, alg, publicJwk, sign: signingWith(pair.privateJwk, alg) }
  }
}
