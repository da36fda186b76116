/** The keys of the feed that can revoke a token. */
import type { Platform } from './platform.ts'
import type { RevokedSet } from './revoked-set.ts'
import { always } from './revoked-set.ts'

/** The kinds of entries, by their numbers on the wire. */
export const kinds = { token: 1, session: 2, grant: 3, person: 4, client: 5, key: 6, issuer: 7 } as const
export type Kind = keyof typeof kinds

/** The names of one token, hashed with every known salt. */
export interface Marks {
  /** One kind per key; each key has four words. */
  kinds: readonly Kind[]
  keys: Uint32Array
  /** Undefined without `iat`: then every cut-off revokes the token. */
  iat: number | undefined
  /** Number of known salts when the keys were computed. */
  salts: number
}

export type Claims = Readonly<Record<string, unknown>>

export async function marksOf(
  claims: Claims,
  kid: string,
  salts: readonly Uint8Array[],
  platform: Platform,
): Promise<Marks> {
  const names = namesOf(claims, kid)
  const found: Kind[] = []
  const keys = new Uint32Array(names.length * salts.length * 4)
  const bytes = new Uint8Array(keys.buffer)
  for (const salt of salts) {
    for (const [kind, value] of names) {
      const writing = platform.keyOf(salt, kinds[kind], value, bytes, found.length * 16)
      if (writing) await writing
      found.push(kind)
    }
  }
  const iat = typeof claims.iat === 'number' ? claims.iat : undefined
  return { kinds: found, keys, iat, salts: salts.length }
}

/** Keys as text, for a map. Each key has four words. */
export function keyNames(words: Uint32Array): string[] {
  return Array.from({ length: words.length / 4 }, (_, at) => words.subarray(at * 4, at * 4 + 4).join('.'))
}

/** The kind of entry that revokes the token, if any. Every name is checked. */
export function revokedBy(marks: Marks, revoked: RevokedSet): Kind | undefined {
  let by: Kind | undefined
  for (let index = 0; index < marks.kinds.length; index += 1) {
    const cutOff = revoked.cutOff(marks.keys, index * 4)
    if (cutOff === 0) continue
    if (cutOff === always || marks.iat === undefined || marks.iat < cutOff) by ??= marks.kinds[index]
  }
  return by
}

function namesOf(claims: Claims, kid: string): [Kind, string][] {
  const names: [Kind, unknown][] = [
    ['token', claims.jti],
    ['session', claims.sid],
    ['grant', claims.grant_id],
    ['person', claims.sub],
    ['client', claims.client_id],
    ['key', kid],
    ['issuer', claims.iss],
  ]
  return names.filter((name): name is [Kind, string] => typeof name[1] === 'string')
}
