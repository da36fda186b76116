/** A key as the engine takes one: it signs when asked, here or in another process, and shows only its public half. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { ExternalSigningKey } from 'oidc-provider'
import type { KeySigner } from '../keyring/key-set.ts'

export class EngineKey extends ExternalSigningKey {
  readonly #signer: KeySigner
  readonly #public: KeyObject

  constructor(signer: KeySigner) {
    super()
    this.#signer = signer
    this.#public = createPublicKey({ key: signer.publicJwk as JsonWebKey, format: 'jwk' })
    Object.assign(this, { kid: signer.kid, alg: signer.alg })
  }

  override keyObject(): KeyObject {
    return this.#public
  }

  override sign(data: Uint8Array): Promise<Uint8Array> {
    return this.#signer.sign(data)
  }
}
