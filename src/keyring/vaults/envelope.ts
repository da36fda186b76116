/**
 * The local envelope: secrets are stored as JWE (dir, A256GCM) under the key-encryption key. Each secret is bound to
 * its row, so that a writer to the database cannot exchange two secrets.
 */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { Failure } from '../../errors/failure.ts'

/** The row and purpose of a sealed secret. It cannot be opened as another row or for another purpose. */
export interface Binding {
  kid: string
  purpose: 'signing-key' | 'secret'
}

export interface Sealed {
  jwe: string
  /** Fingerprint of the key-encryption key. It identifies the key and reveals nothing about it. */
  fingerprint: string
}

/** Seals and opens secrets, in this process or in a separate one. */
export interface SecretEnvelope {
  seal(binding: Binding, secret: Uint8Array): Promise<Sealed>
  open(binding: Binding, sealed: Sealed): Promise<Uint8Array>
}

/** The configured key-encryption keys, newest first. Called again when none of them opens a row. */
export type ReadKeks = () => Promise<readonly Uint8Array[]> | readonly Uint8Array[]

const VARIABLE = 'CLAVIGER_KEY_ENCRYPTION_KEY'
const KEK_BYTES = 32

/** Identifies a key-encryption key: 64 bits of a SHA-256 that has no other use. */
export const fingerprintOf = (kek: Uint8Array): string =>
  createHash('sha256').update('claviger key-encryption key fingerprint v1\0').update(kek).digest('hex').slice(0, 16)

export class Envelope implements SecretEnvelope {
  readonly #readKeks: ReadKeks
  #keks = new Map<string, KeyObject>()

  private constructor(readKeks: ReadKeks) {
    this.#readKeks = readKeks
  }

  /** @throws Failure `key_encryption_key_malformed` */
  static async open(readKeks: ReadKeks): Promise<Envelope> {
    const envelope = new Envelope(readKeks)
    await envelope.#readAgain()
    return envelope
  }

  /** Fingerprint of the key that seals new values; undefined while no key is configured. */
  get fingerprint(): string | undefined {
    return this.#keks.keys().next().value
  }

  async seal(binding: Binding, secret: Uint8Array): Promise<Sealed> {
    // Sealing is rare, so read the keys each time: after a change of the key-encryption key no row may use the old
    // one.
    await this.#readAgain()
    const [newest] = this.#keks
    if (!newest) throw missingKek()
    const [fingerprint, kek] = newest
    const jwe = await new CompactEncrypt(secret)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: binding.kid, purpose: binding.purpose, kek: fingerprint })
      .encrypt(kek)
    return { jwe, fingerprint }
  }

  /**
   * @throws Failure `key_encryption_key_wrong` when none of the configured keys sealed the secret
   * @throws Failure `sealed_secret_damaged` when one did, but the row was changed since
   */
  async open(binding: Binding, sealed: Sealed): Promise<Uint8Array> {
    const kek = await this.#find(sealed.fingerprint)
    try {
      const { plaintext, protectedHeader } = await compactDecrypt(sealed.jwe, kek, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      })
      if (protectedHeader.kid === binding.kid && protectedHeader['purpose'] === binding.purpose) return plaintext
    } catch {
      // Reported below. The cause (tag, header) does not help an operator, and could leak something secret.
    }
    throw new Failure(
      'sealed_secret_damaged',
      'conflict',
      `The stored secret ${binding.kid} cannot be opened: its row was changed. Restore it from a backup, or revoke the key.`,
      { detail: { ...binding, fingerprint: sealed.fingerprint } },
    )
  }

  async #find(fingerprint: string): Promise<KeyObject> {
    // After a change of the key-encryption key a running node finds a new fingerprint: the file may now hold the new
    // key.
    if (!this.#keks.has(fingerprint)) await this.#readAgain()
    const kek = this.#keks.get(fingerprint)
    if (kek) return kek
    if (this.#keks.size === 0) throw missingKek(fingerprint)
    throw new Failure(
      'key_encryption_key_wrong',
      'conflict',
      `${VARIABLE} has the fingerprint ${this.fingerprint}, but the database is wrapped under ${fingerprint}. Set the key with that fingerprint. Nothing was changed.`,
      { detail: { given: [...this.#keks.keys()], expected: fingerprint } },
    )
  }

  async #readAgain(): Promise<void> {
    const keks = await this.#readKeks()
    if (keks.some((kek) => kek.length !== KEK_BYTES)) {
      throw new Failure(
        'key_encryption_key_malformed',
        'invalid',
        `${VARIABLE} must be ${KEK_BYTES} bytes, base64url (43 characters).`,
      )
    }
    this.#keks = new Map(keks.map((kek) => [fingerprintOf(kek), createSecretKey(kek)]))
  }
}

const missingKek = (expected?: string): Failure =>
  new Failure(
    'key_encryption_key_missing',
    'conflict',
    expected
      ? `${VARIABLE} is not set, but the database is wrapped under the key with the fingerprint ${expected}. Set that key. Nothing was changed.`
      : `${VARIABLE} is not set. Set it to 32 random bytes, base64url.`,
    { detail: { expected } },
  )
