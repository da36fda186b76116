/** Verifies what the feed signs: signature, pinned key, issuer, audience and content. */
import { isObject } from './base64url.ts'
import type { FeedKeys } from './feed-keys.ts'
import { openJws } from './token-text.ts'

export type WireEntry = [kind: number, key: string, notBefore: number | null, exp: number]

export interface Frame {
  iat: number
  epoch: string
  /** In a heartbeat, one more than `to`. */
  from: number
  to: number
  entries: readonly WireEntry[]
  /** Version of the issuer's JWKS. */
  jwks?: string | undefined
}

export interface Manifest {
  iat: number
  epoch: string
  seq: number
  count: number
  sha256: string
}

export const longestFrame = 256 * 1024

/** The reason why a frame was dropped, as a stable word for logs. */
export type FrameFault = 'malformed' | 'oversized' | 'unknown_key' | 'bad_signature' | 'foreign' | 'bad_content'

export interface Sender {
  issuer: string
  /** `aud` of every frame and manifest. */
  feed: string
  keys: FeedKeys
}

export const isFault = (value: unknown): value is FrameFault => typeof value === 'string'

export async function readFrame(text: string, sender: Sender): Promise<Frame | FrameFault> {
  const event = await readEvent(text, 'urn:claviger:event:revocations', sender)
  if (isFault(event)) return event
  const { epoch, from, to, entries, jwks } = event.content
  if (!isEpoch(epoch) || !isNumber(from) || !isNumber(to) || from > to + 1 || from < 1) return 'bad_content'
  if (!Array.isArray(entries) || entries.length > to - from + 1 || !entries.every(isEntry)) return 'bad_content'
  return { iat: event.iat, epoch, from, to, entries, jwks: typeof jwks === 'string' ? jwks : undefined }
}

export async function readManifest(text: string, sender: Sender): Promise<Manifest | FrameFault> {
  const event = await readEvent(text, 'urn:claviger:event:revocation-snapshot', sender)
  if (isFault(event)) return event
  const { epoch, seq, count, sha256 } = event.content
  if (!isEpoch(epoch) || !isNumber(seq) || !isNumber(count) || typeof sha256 !== 'string') return 'bad_content'
  return { iat: event.iat, epoch, seq, count, sha256 }
}

export function isEntry(value: unknown): value is WireEntry {
  if (!Array.isArray(value)) return false
  const [kind, key, notBefore, exp] = value
  return (
    Number.isInteger(kind) &&
    typeof key === 'string' &&
    (notBefore === null || Number.isFinite(notBefore)) &&
    Number.isFinite(exp)
  )
}

async function readEvent(
  text: string,
  event: string,
  { issuer, feed, keys }: Sender,
): Promise<{ iat: number; content: Record<string, unknown> } | FrameFault> {
  if (text.length > longestFrame) return 'oversized'
  const jws = openJws(text, longestFrame)
  if (jws?.header.alg !== 'RS256' || jws.header.typ !== 'secevent+jwt') return 'malformed'
  const isSigned = await keys.find(jws.header.kid)
  if (!isSigned) return 'unknown_key'
  if (!(await isSigned(jws))) return 'bad_signature'
  const { iss, aud, iat, events } = jws.payload
  if (iss !== issuer || aud !== feed) return 'foreign'
  const content = isObject(events) ? events[event] : undefined
  return isNumber(iat) && isObject(content) ? { iat, content } : 'bad_content'
}

const isEpoch = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f-]{36}$/i.test(value)
const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
