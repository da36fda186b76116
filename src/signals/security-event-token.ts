/** Security Event Tokens (RFC 8417) by SSF 1.0 §4.1: no `sub`, no `exp`, the subject in `sub_id`, one event. */
import { signedJwt } from '../keyring/live/signed-jwt.ts'
import type { JournalHead, SecurityEvent } from './signals.ts'
import type { SsfEvent } from './ssf-event.ts'

/** Implemented by the keyring's `KeySigner`. */
export interface TokenSigner {
  kid: string
  alg: string
  /** The JWS signature. */
  sign(data: Uint8Array): Promise<Uint8Array>
}

export interface TokenContent {
  event: SecurityEvent
  ssfEvent: SsfEvent
  issuer: string
  audience: string
  epoch: string
}

/** A repeated token has the same content, since all of it comes from the journal. */
export async function signedToken(content: TokenContent, signer: TokenSigner): Promise<string> {
  const { event, ssfEvent, issuer, audience, epoch } = content
  return signedJwt(signer, 'secevent+jwt', {
    iss: issuer,
    aud: audience,
    iat: Math.floor(event.at.getTime() / 1000),
    jti: tokenId({ epoch, seq: event.seq }),
    txn: `${epoch}.${event.txn}`,
    sub_id: ssfEvent.subject,
    events: { [ssfEvent.type]: ssfEvent.content },
  })
}

export const tokenId = ({ epoch, seq }: JournalHead): string => `${epoch}.${seq}`

/** The number of an event from the `jti` that a receiver sent; undefined for a foreign `jti`, or another epoch. */
export function eventNumber(jti: string, epoch: string): number | undefined {
  const [, of, seq] = /^([0-9a-f-]{36})\.([1-9]\d{0,14})$/.exec(jti) ?? []
  return of === epoch ? Number(seq) : undefined
}
