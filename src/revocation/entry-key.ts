/** The hashed name of a revoked item, so that the log does not reveal the name itself. */
import { hash } from 'node:crypto'

export const keyBytes = 16

/** The SQL function `revocation_key` computes the same. */
export function entryKey(salt: Uint8Array, kind: number, value: string): Buffer {
  const bytes = Buffer.concat([salt, Buffer.of(kind), Buffer.from(value, 'utf8')])
  return hash('sha256', bytes, 'buffer').subarray(0, keyBytes)
}
