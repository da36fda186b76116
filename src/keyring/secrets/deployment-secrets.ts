/**
 * Secrets that all nodes of a deployment share. The first node that needs a secret creates it; it is stored sealed.
 */
import { randomBytes } from 'node:crypto'
import { Failure } from '../../errors/failure.ts'
import type { SecretEnvelope } from '../vaults/envelope.ts'
import type { SecretStore, StoredSecret } from './secret-store.ts'

const SECRET_BYTES = 32

/** Creates the bytes of a new generation of a secret. */
export type SecretMaker = () => Promise<Uint8Array>

const randomSecret: SecretMaker = async () => randomBytes(SECRET_BYTES)

export interface OpenSecret {
  generation: number
  secret: Uint8Array
  createdAt: Date
}

/** The binding of a sealed secret to its row. */
export const bindingOf = (name: string, generation: number) => ({
  kid: `${name}/${generation}`,
  purpose: 'secret' as const,
})

export class DeploymentSecrets {
  readonly #store: SecretStore
  readonly #envelope: SecretEnvelope

  constructor(needs: { store: SecretStore; envelope: SecretEnvelope }) {
    this.#store = needs.store
    this.#envelope = needs.envelope
  }

  /** 32 bytes that are the same on every node and after every restart. The first call creates them. */
  async secret(name: string): Promise<Uint8Array> {
    const { secrets } = await this.all(name)
    const [newest] = secrets
    if (!newest) throw new Failure('secret_missing', 'missing', `The secret ${name} could not be created. Try again.`)
    return newest.secret
  }

  /** Every generation, newest first. Creates the first one if there is none. */
  async all(name: string, make = randomSecret): Promise<{ secrets: OpenSecret[]; now: Date }> {
    let found = await this.#store.list(name)
    if (found.secrets.length === 0) {
      await this.#add(name, 1, make)
      found = await this.#store.list(name)
    }
    return { secrets: await Promise.all(found.secrets.map((secret) => this.#open(secret))), now: found.now }
  }

  /** Adds a generation. False when another node did it at the same time. */
  async renew(name: string, make = randomSecret): Promise<boolean> {
    const { secrets } = await this.#store.list(name)
    return this.#add(name, (secrets[0]?.generation ?? 0) + 1, make)
  }

  forget(name: string, generation: number): Promise<void> {
    return this.#store.forget(name, generation)
  }

  async #add(name: string, generation: number, make: SecretMaker): Promise<boolean> {
    const sealed = await this.#envelope.seal(bindingOf(name, generation), await make())
    return this.#store.add(name, generation, sealed)
  }

  async #open({ name, generation, sealed, createdAt }: StoredSecret): Promise<OpenSecret> {
    return { generation, secret: await this.#envelope.open(bindingOf(name, generation), sealed), createdAt }
  }
}
