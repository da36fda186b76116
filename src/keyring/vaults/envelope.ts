/**
 * The local envelope: secrets rest as JWE (dir, A256GCM) under the key-encryption key. Each is bound
 * to its row, so that nobody who can write to the database may put one secret in another's place.
 */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { Failure } from '../../errors/failure.ts'

/** What a sealed secret is: it opens as this and as nothing else. */
export interface Binding {
  kid: string
  purpose: 'signing-key' | 'secret'
}

export interface Sealed {
  jwe: string
  /** Of the key-encryption key; says which one opens it, and nothing about it. */
  fingerprint: string
}

/** What seals and opens; here, or in a process of its own. */
export interface SecretEnvelope {
  seal(binding: Binding, secret: Uint8Array): Promise<Sealed>
  open(binding: Binding, sealed: Sealed): Promise<Uint8Array>
}

/** The key-encryption keys at hand, newest first; asked again when a row is met that none of them opens. */
export type ReadKeks = () => Promise<readonly Uint8Array[]> | readonly Uint8Array[]

const VARIABLE = 'CLAVIGER_KEY_ENCRYPTION_KEY'
const KEK_BYTES = 32

/** Tells key-encryption keys apart: 64 bits of a SHA-256 that is used for nothing else. */
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

  /** Of the key that wraps whatever is sealed from now on; undefined while there is none. */
  get fingerprint(): string | undefined {
    return this.#keks.keys().next().value
  }

  async seal(binding: Binding, secret: Uint8Array): Promise<Sealed> {
    // Rare, so read each time: whoever just changed the key-encryption key must not get a row under the old one.
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
   * @throws Failure `key_encryption_key_wrong` when no key at hand is the one it was sealed under
   * @throws Failure `sealed_secret_damaged` when it was, but the row is not what was sealed
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
      // Said below: the reason (tag, header) tells an operator nothing more, and nothing secret may leak through it.
    }
    throw new Failure(
      'sealed_secret_damaged',
      'conflict',
      `The stored secret ${binding.kid} is not what was sealed: its row was changed. Restore it from a backup, or revoke that key.`,
      { detail: { ...binding, fingerprint: sealed.fingerprint } },
    )
  }

  async #find(fingerprint: string): Promise<KeyObject> {
    // A running node meets a new fingerprint after the key-encryption key was changed: the file may hold the new one by now.
    if (!this.#keks.has(fingerprint)) await this.#readAgain()
    const kek = this.#keks.get(fingerprint)
    if (kek) return kek
    if (this.#keks.size === 0) throw missingKek(fingerprint)
    throw new Failure(
      'key_encryption_key_wrong',
      'conflict',
      `${VARIABLE} has the fingerprint ${this.fingerprint}, but the database is wrapped under ${fingerprint}. Give the key with that fingerprint; nothing was changed.`,
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
      ? `${VARIABLE} is not set, but the database is wrapped under the key with the fingerprint ${expected}. Give that key; nothing was changed.`
      : `${VARIABLE} is not set: give 32 random bytes, base64url.`,
    { detail: { expected } },
  )
