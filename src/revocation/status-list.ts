/**
 * A status list in its encoding: one bit a token, the lowest bit of a byte first, zlib
 * (draft-ietf-oauth-status-list-21 §4).
 */
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'

/** The number of tokens in a list: 16 KiB of bits. */
export const statusListSize = 131_072

const compress = promisify(deflate)

export class StatusList {
  readonly #bits: Uint8Array
  /** Increases with each bit that is set. */
  version = 0

  /** @param size a multiple of 8 */
  constructor(size: number = statusListSize) {
    this.#bits = new Uint8Array(size / 8)
  }

  /** A bit is never cleared. An index beyond the end is ignored. */
  setInvalid(index: number): void {
    const before = this.#bits[index >>> 3]
    if (before === undefined) return
    const after = before | (1 << (index & 7))
    if (after === before) return
    this.#bits[index >>> 3] = after
    this.version += 1
  }

  isInvalid(index: number): boolean {
    return ((this.#bits[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0
  }

  /** The `lst` member, compressed on another thread. */
  async encoded(): Promise<string> {
    return (await compress(this.#bits, { level: 9 })).toString('base64url')
  }
}
