/** A key as the engine takes one: it signs when asked, here or in another process, and shows only its public half. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import Provider, { ExternalSigningKey } from 'oidc-provider'
import type { KeySigner } from '../keyring/key-set.ts'

export class EngineKey extends ExternalSigningKey {
  readonly #signer: KeySigner
  readonly #onlyFor: string | null | undefined
  readonly #public: KeyObject

  /** @param onlyFor the client whose tokens alone it signs, `null` for nobody's; absent, it signs for everybody */
  constructor(signer: KeySigner, onlyFor?: string | null) {
    super()
    this.#signer = signer
    this.#onlyFor = onlyFor
    this.#public = createPublicKey({ key: signer.publicJwk as JsonWebKey, format: 'jwk' })
    Object.assign(this, { kid: signer.kid, alg: signer.alg })
  }

  /** Asked at each choice of a key. A standby verifies, and signs what the canary alone gets at the token endpoint. */
  override get key_ops(): string[] | undefined {
    if (this.#onlyFor === undefined) return undefined
    const { route, client } = Provider.ctx?.oidc ?? {}
    return route === 'token' && client?.clientId === this.#onlyFor ? ['sign', 'verify'] : ['verify']
  }

  override keyObject(): KeyObject {
    return this.#public
  }

  override sign(data: Uint8Array): Promise<Uint8Array> {
    return this.#signer.sign(data)
  }
}
