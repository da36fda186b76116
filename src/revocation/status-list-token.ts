/** A status list, signed (draft-ietf-oauth-status-list-21 §5.1). */
import { statusListsOf, statusListUri } from './status-place.ts'

/** The age at which a verifier fetches the list again. */
export const listTtlSeconds = 10
/** The age at which a verifier rejects the list. */
export const listExpSeconds = 300

/** Implemented by the keyring's `KeySigner`. */
export interface ListSigner {
  kid: string
  alg: string
  sign(data: Uint8Array): Promise<Uint8Array>
}

export interface StatusListContent {
  issuer: string
  list: number
  /** Seconds since the epoch. */
  iat: number
  lst: string
}

export async function signStatusList({ issuer, list, iat, lst }: StatusListContent, key: ListSigner): Promise<string> {
  const payload = {
    iss: issuer,
    sub: statusListUri(issuer, list),
    iat,
    exp: iat + listExpSeconds,
    ttl: listTtlSeconds,
    status_list: { bits: 1, lst, aggregation_uri: statusListsOf(issuer) },
  }
  const signed = `${encode({ alg: key.alg, typ: 'statuslist+jwt', kid: key.kid })}.${encode(payload)}`
  const signature = await key.sign(Buffer.from(signed))
  return `${signed}.${Buffer.from(signature).toString('base64url')}`
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
