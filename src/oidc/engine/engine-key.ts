/** A key as the engine takes one: it signs when asked, here or in another process, and shows only its public half. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import Provider, { ExternalSigningKey } from 'oidc-provider'
import type { KeySigner } from '../../keyring/live/key-set.ts'

const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'pub'] as const

export class EngineKey extends ExternalSigningKey {
  readonly #signer: KeySigner
  readonly #onlyFor: string | null | undefined
  #public: KeyObject | undefined

  /** @param onlyFor the client whose tokens alone it signs, `null` for nobody's; absent, it signs for everybody */
  constructor(signer: KeySigner, onlyFor?: string | null) {
    super()
    this.#signer = signer
    this.#onlyFor = onlyFor
    Object.assign(this, { kid: signer.kid, alg: signer.alg })
    // The engine would make a key object of each key and read these off it, at every exchange of the engine.
    for (const member of publicMembers) Object.defineProperty(this, member, { value: signer.publicJwk[member] })
  }

  /** Asked at each choice of a key. A standby verifies, and signs what the canary alone gets at the token endpoint. */
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
