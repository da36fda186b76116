/** Secrets in a list, with a clock that the test sets. */

import type { SecretStore, StoredSecret } from '../../src/keyring/secrets/secret-store.ts'
import type { Sealed } from '../../src/keyring/vaults/envelope.ts'

export class MemorySecretStore implements SecretStore {
  secrets: StoredSecret[] = []
  now = new Date('2030-01-01T00:00:00Z')

  async list(name: string): Promise<{ secrets: StoredSecret[]; now: Date }> {
    const mine = this.secrets.filter((secret) => secret.name === name)
    return { secrets: mine.sort((a, b) => b.generation - a.generation), now: this.now }
  }

  async add(name: string, generation: number, sealed: Sealed): Promise<boolean> {
    if (this.secrets.some((secret) => secret.name === name && secret.generation === generation)) return false
    this.secrets.push({ name, generation, sealed, createdAt: this.now })
    return true
  }

  async forget(name: string, generation: number): Promise<void> {
    const newest = Math.max(...this.secrets.filter((secret) => secret.name === name).map((secret) => secret.generation))
    if (generation === newest) return
    this.secrets = this.secrets.filter((secret) => secret.name !== name || secret.generation !== generation)
  }

  advance(seconds: number): void {
    this.now = new Date(this.now.getTime() + seconds * 1000)
  }
}
