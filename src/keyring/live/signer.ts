/**
 * The tasks of a signer process, which alone holds the key-encryption key and the private keys. It makes keys, opens
 * sealed keys into its own memory and signs with them. It returns opened deployment secrets, but never a private key.
 */
import { Failure } from '../../errors/failure.ts'
import { getSigningAlgorithm } from '../cycle/algorithms.ts'
import type { KeyPair } from '../cycle/key-material.ts'
import type { Binding, Envelope, Sealed } from '../vaults/envelope.ts'
import { LocalKeyVault, type NewKey } from '../vaults/key-vault.ts'
import type { Sign } from './local-signing.ts'
import type { SigningKey } from './signing-key.ts'

export type SealedKey = Pick<SigningKey, 'kid' | 'alg' | 'publicJwk' | 'sealed' | 'fingerprint'>

/** The signer's tasks by name: parameters and answer, all plain JSON. */
export interface SignerTasks {
  fingerprint: { ask: Record<string, never>; answer: { fingerprint: string | null } }
  create: { ask: { alg: string }; answer: NewKey }
  adopt: { ask: { pair: KeyPair }; answer: NewKey }
  /** Opens a key into the signer's memory. It signs from there until the process ends. */
  open: { ask: { key: SealedKey }; answer: Record<string, never> }
  sign: { ask: { kid: string; data: string }; answer: { signature: string } }
  sealSecret: { ask: { kid: string; secret: string }; answer: Sealed }
  openSecret: { ask: { kid: string; sealed: Sealed }; answer: { secret: string } }
}

export type SignerTask = keyof SignerTasks

export class Signer {
  readonly #envelope: Envelope
  readonly #vault: LocalKeyVault
  readonly #keys = new Map<string, Sign>()

  constructor(envelope: Envelope) {
    this.#envelope = envelope
    this.#vault = new LocalKeyVault(envelope)
  }

  readonly tasks: { [Task in SignerTask]: (ask: SignerTasks[Task]['ask']) => Promise<SignerTasks[Task]['answer']> } = {
    fingerprint: async () => ({ fingerprint: this.#envelope.fingerprint ?? null }),
    create: ({ alg }) => this.#vault.create(getSigningAlgorithm(alg)),
    adopt: ({ pair }) => this.#vault.adopt(pair),
    open: async ({ key }) => {
      const { kid, sign } = await this.#vault.open(key)
      this.#keys.set(kid, sign)
      return {}
    },
    sign: async ({ kid, data }) => ({ signature: await this.#sign(kid, data) }),
    // The binding is made here, so that a caller cannot open a private key as a secret.
    sealSecret: ({ kid, secret }) => this.#envelope.seal(secretBinding(kid), Buffer.from(secret, 'base64url')),
    openSecret: async ({ kid, sealed }) => {
      const secret = await this.#envelope.open(secretBinding(kid), sealed)
      return { secret: Buffer.from(secret).toString('base64url') }
    },
  }

  async #sign(kid: string, data: string): Promise<string> {
    const sign = this.#keys.get(kid)
    if (!sign) throw new Failure('signer_lacks_key', 'missing', `The signer has not opened ${kid}.`)
    return Buffer.from(await sign(Buffer.from(data, 'base64url'))).toString('base64url')
  }
}

const secretBinding = (kid: string): Binding => ({ kid, purpose: 'secret' })
