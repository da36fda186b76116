/** A vault with cheap keys, for tests of the life cycle rather than of signatures. */
import { randomUUID } from 'node:crypto'
import type { KeyPair } from '../../src/keyring/cycle/key-material.ts'
import type { KeyVault, NewKey, OpenKey } from '../../src/keyring/vaults/key-vault.ts'

export class CheapVault implements KeyVault {
  fingerprint = '0011223344556677'

  async create(alg: string): Promise<NewKey> {
    return this.#keep(`${alg}-${randomUUID()}`, alg)
  }

  async adopt({ kid, publicJwk }: KeyPair): Promise<NewKey> {
    return this.#keep(kid, publicJwk.alg ?? '')
  }

  async open({ kid, alg }: { kid: string; alg: string }): Promise<OpenKey> {
    return { kid, alg, publicJwk: { kty: 'EC', kid, alg, use: 'sig' }, sign: async () => Buffer.from('signed') }
  }

  #keep(kid: string, alg: string): NewKey {
    return {
      kid,
      publicJwk: { kty: 'EC', kid, alg, use: 'sig' },
      sealed: { jwe: `sealed ${kid}`, fingerprint: this.fingerprint },
    }
  }
}
