/** A JWT signed with one of the provider's keys, in compact form (RFC 7515 §7.1). */
import type { KeySigner } from './key-set.ts'

/** @param typ the type of token, so that a verifier cannot take it for another type (RFC 8725 §3.11) */
export async function signedJwt(
  signer: Pick<KeySigner, 'kid' | 'alg' | 'sign'>,
  typ: string,
  claims: object,
): Promise<string> {
  const text = `${encoded({ alg: signer.alg, kid: signer.kid, typ })}.${encoded(claims)}`
  return `${text}.${Buffer.from(await signer.sign(Buffer.from(text))).toString('base64url')}`
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
