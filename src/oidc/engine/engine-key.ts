/** A signing key in the engine's form. The key signs here or in another process, and exposes only its public half. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import Provider, { ExternalSigningKey } from 'oidc-provider'
import type { KeySigner } from '../../keyring/live/key-set.ts'

const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'pub'] as const

export class EngineKey extends ExternalSigningKey {
  readonly #signer: KeySigner
  readonly #onlyFor: string | null | undefined
  #public: KeyObject | undefined

  /** @param onlyFor the only client for which the key signs; `null`: for no client; absent: for all clients */
  constructor(signer: KeySigner, onlyFor?: string | null) {
    super()
    this.#signer = signer
    this.#onlyFor = onlyFor
    Object.assign(this, { kid: signer.kid, alg: signer.alg })
    // The engine would otherwise build a key object of each key to read these members, whenever the engine is replaced.
    for (const member of publicMembers) Object.defineProperty(this, member, { value: signer.publicJwk[member] })
  }

  /**
   * The engine reads this whenever it chooses a key. A standby key verifies, and signs only the canary's tokens at the
   * token endpoint.
   */
  override get key_ops(): string[] | undefined {
    if (this.#onlyFor === undefined) return undefined
    const { route, client } = Provider.ctx?.oidc ?? {}
    return route === 'token' && client?.clientId === this.#onlyFor ? ['sign', 'verify'] : ['verify']
  }

  override keyObject(): KeyObject {
    this.#public ??= createPublicKey({ key: this.#signer.publicJwk as JsonWebKey, format: 'jwk' })
    return this.#public
  }

  override sign(data: Uint8Array): Promise<Uint8Array> {
    return this.#signer.sign(data)
  }
}
