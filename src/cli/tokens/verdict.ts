/** Why a token is accepted or refused, claim by claim. */
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import { Failure } from '../../errors/failure.ts'
import type { KeyRow } from '../../keyring/cycle/key-row.ts'
import { tokenDigest } from '../../revocation/issued-token.ts'
import { marksOf } from '../../revocation/revocation.ts'
import type { Desk, RevocationRow, TokenHistoryRow } from '../desk.ts'

export type Verdict = 'valid' | 'expired' | 'revoked' | 'forged' | 'foreign' | 'not-yet'

export interface Findings {
  verdict: Verdict
  /** A sentence for each reason. The first one decides the verdict. */
  reasons: string[]
  claims: JWTPayload
  kid: string | undefined
  alg: string | undefined
  key: KeyRow | undefined
  signature: 'valid' | 'invalid' | 'unknown'
  revocations: RevocationRow[]
  grantAlive: boolean | undefined
  history: TokenHistoryRow
}

const kindWords = [
  '',
  'this token',
  'its session',
  'its grant',
  'its person',
  'its app',
  'its signing key',
  'everything',
]

export async function findingsOf(token: string, desk: Desk, now: Date): Promise<Findings> {
  const { claims, kid, alg, typ } = read(token)
  const key = (await desk.keyring.list({ all: true })).find((one) => one.kid === kid)
  const signature = await signatureOf(token, desk, key)
  const isOurs = claims.iss === desk.config.issuer
  const marks = marksOf(claims, kid)
  const revocations = isOurs ? await desk.revocations.explain(marks) : []
  const history = await historyOf(token, desk, isOurs ? claims : {}, kid)
  const grantAlive =
    typeof claims.grant_id === 'string' ? await desk.revocations.isGrantAlive(claims.grant_id) : undefined
  const seconds = now.getTime() / 1000
  const faults: [Verdict, string][] = []
  const add = (is: boolean, verdict: Verdict, reason: string) => is && faults.push([verdict, reason])
  add(!isOurs, 'foreign', `Its issuer is ${JSON.stringify(claims.iss ?? null)}, not ${desk.config.issuer}.`)
  add(isOurs && !key, 'forged', `Its key ${JSON.stringify(kid ?? null)} is not a key of this issuer.`)
  add(
    isOurs && signature === 'invalid',
    'forged',
    'Its signature is invalid: the token was changed, or was not signed here.',
  )
  add(isOurs && signature !== 'invalid' && history.ledger === 'missing', 'forged', forgedSentence(kid, signature))
  add(
    isOurs && key?.state === 'revoked',
    'revoked',
    `Its key ${kid} was revoked: ${key?.reason ?? 'no reason was recorded'}.`,
  )
  add(isOurs && key?.state === 'removed', 'expired', `Its key ${kid} was removed from the JWKS.`)
  for (const entry of revocations) add(true, 'revoked', revokedSentence(entry))
  add(typeof claims.exp !== 'number' || claims.exp <= seconds, 'expired', `It expired at ${instant(claims.exp)}.`)
  add(
    typeof claims.iat === 'number' && claims.iat > seconds + 5,
    'not-yet',
    `It was issued in the future, at ${instant(claims.iat)}: is the clock right?`,
  )
  add(isOurs && typ !== 'at+jwt', 'foreign', `Its type is ${JSON.stringify(typ ?? null)}: it is not an access token.`)
  const [first] = faults
  const verdict = first?.[0] ?? 'valid'
  const reasons = faults.map(([, reason]) => reason)
  return { verdict, reasons, claims, kid, alg, key, signature, revocations, grantAlive, history }
}

function read(token: string) {
  try {
    const { kid, alg, typ } = decodeProtectedHeader(token)
    return { claims: decodeJwt(token), kid, alg, typ }
  } catch (cause) {
    throw new Failure('token_unreadable', 'invalid', 'This is not a JWT: it has no readable header and claims.', {
      cause,
      detail: { hints: ['an opaque token has no claims; give it on stdin to look it up in the database'] },
    })
  }
}

const noHistory: TokenHistoryRow = { ledger: 'unknown', refreshedAt: undefined }

async function historyOf(token: string, desk: Desk, claims: JWTPayload, kid: string | undefined) {
  const { exp, jti } = claims
  if (typeof jti !== 'string' || typeof exp !== 'number') return noHistory
  return desk.ledger.history(marksOf(claims, kid), { digest: tokenDigest(token), exp })
}

/** A holder of the private key can sign tokens for any person at every API, so the sentence names the command that ends it. */
const forgedSentence = (kid: string | undefined, signature: Findings['signature']): string =>
  signature === 'valid'
    ? `Its signature is valid, but it was never issued here: the ledger has no entry for it. The private key ${kid} has leaked. Revoke it now: keys revoke ${kid} --compromised.`
    : 'It was never issued here: the ledger has no entry for it.'

/** Without the public key in the JWKS the signature cannot be verified. */
async function signatureOf(token: string, desk: Desk, key: KeyRow | undefined): Promise<Findings['signature']> {
  if (!key || key.state === 'removed' || key.state === 'revoked') return 'unknown'
  try {
    // `findingsOf` checks the times.
    await jwtVerify(token, createLocalJWKSet(await desk.keyring.publicJwks()), { currentDate: new Date(0) })
    return 'valid'
  } catch (error) {
    const { code } = error as { code?: string }
    return code === 'ERR_JWT_CLAIM_VALIDATION_FAILED' ? 'valid' : 'invalid'
  }
}

function revokedSentence({ kind, cause, actor, at, notBefore }: RevocationRow): string {
  const who = actor ? ` by ${actor}` : ''
  const before = notBefore === undefined ? '' : `, for what was issued before ${instant(notBefore)}`
  return `${capital(kindWords[kind] ?? 'something it names')} was revoked at ${at.toISOString()} (${cause})${who}${before}.`
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

export const instant = (seconds: unknown): string =>
  typeof seconds === 'number' && Math.abs(seconds) < 8.64e12
    ? new Date(seconds * 1000).toISOString()
    : 'an unreadable time'
