/** Security Event Tokens (RFC 8417) as SSF 1.0 §4.1 wants them: no `sub`, no `exp`, the subject in `sub_id`, one event. */
import { signedJwt } from '../keyring/live/signed-jwt.ts'
import type { JournalHead, SecurityEvent } from './signals.ts'
import type { ToldEvent } from './told-event.ts'

/** Met by the keyring's `KeySigner`. */
export interface TokenSigner {
  kid: string
  alg: string
  /** The JWS signature. */
  sign(data: Uint8Array): Promise<Uint8Array>
}

export interface TokenContent {
  event: SecurityEvent
  told: ToldEvent
  issuer: string
  audience: string
  epoch: string
}

/** Sent again it says the same: everything in it comes from the journal. */
export async function signedToken(content: TokenContent, signer: TokenSigner): Promise<string> {
  const { event, told, issuer, audience, epoch } = content
  return signedJwt(signer, 'secevent+jwt', {
    iss: issuer,
    aud: audience,
    iat: Math.floor(event.at.getTime() / 1000),
    jti: tokenId({ epoch, seq: event.seq }),
    txn: `${epoch}.${event.txn}`,
    sub_id: told.subject,
    events: { [told.type]: told.content },
  })
}

export const tokenId = ({ epoch, seq }: JournalHead): string => `${epoch}.${seq}`

/** The number of an event from the `jti` that a receiver names; undefined when none of ours, or of another epoch. */
export function eventNumber(jti: string, epoch: string): number | undefined {
  const [, of, seq] = /^([0-9a-f-]{36})\.([1-9]\d{0,14})$/.exec(jti) ?? []
  return of === epoch ? Number(seq) : undefined
}
