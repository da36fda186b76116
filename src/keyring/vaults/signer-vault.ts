/** A vault that uses a signer in its own process. This process never holds a private key or the key-encryption key. */
import { Failure } from '../../errors/failure.ts'
import type { KeyPair } from '../cycle/key-material.ts'
import type { SealedKey } from '../live/signer.ts'
import type { Binding, Sealed, SecretEnvelope } from './envelope.ts'
import type { KeyVault, NewKey, OpenKey } from './key-vault.ts'
import type { SignerClient } from './signer-client.ts'

export class SignerVault implements KeyVault {
  readonly #client: SignerClient
  readonly fingerprint: string | undefined

  private constructor(client: SignerClient, fingerprint: string | undefined) {
    this.#client = client
    this.fingerprint = fingerprint
  }

  /** @throws Failure `signer_unavailable` */
  static async connect(client: SignerClient): Promise<SignerVault> {
    const { fingerprint } = await client.ask('fingerprint', {})
    return new SignerVault(client, fingerprint ?? undefined)
  }

  create(alg: string): Promise<NewKey> {
    return this.#client.ask('create', { alg })
  }

  adopt(pair: KeyPair): Promise<NewKey> {
    return this.#client.ask('adopt', { pair })
  }

  async open({ kid, alg, publicJwk, sealed, fingerprint }: SealedKey): Promise<OpenKey> {
    const key = { kid, alg, publicJwk, sealed, fingerprint }
    await this.#client.ask('open', { key })
    return { kid, alg, publicJwk, sign: (data) => this.#sign(key, data) }
  }

  async #sign(key: SealedKey, data: Uint8Array): Promise<Uint8Array> {
    const ask = { kid: key.kid, data: Buffer.from(data).toString('base64url') }
    try {
      return Buffer.from((await this.#client.ask('sign', ask)).signature, 'base64url')
    } catch (reason) {
      // A restarted signer has no opened keys: send the key again and repeat the request.
      if (!(reason instanceof Failure) || reason.code !== 'signer_lacks_key') throw reason
      await this.#client.ask('open', { key })
      return Buffer.from((await this.#client.ask('sign', ask)).signature, 'base64url')
    }
  }
}

/** The deployment's other secrets, sealed and opened by the signer. */
export class SignerEnvelope implements SecretEnvelope {
  readonly #client: SignerClient

  constructor(client: SignerClient) {
    this.#client = client
  }

  seal({ kid }: Binding, secret: Uint8Array): Promise<Sealed> {
    return this.#client.ask('sealSecret', { kid, secret: Buffer.from(secret).toString('base64url') })
  }

  async open({ kid }: Binding, sealed: Sealed): Promise<Uint8Array> {
    return Buffer.from((await this.#client.ask('openSecret', { kid, sealed })).secret, 'base64url')
  }
}
