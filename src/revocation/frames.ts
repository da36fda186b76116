/** Frames and snapshots of the feed: Security Event Tokens (RFC 8417), signed once for all readers. */
import { hash, randomBytes, sign } from 'node:crypto'
import type { FeedKey } from './feed-keys.ts'
import type { Entry, LogHead } from './revocation.ts'

export const frameEvent = 'urn:claviger:event:revocations'
export const snapshotEvent = 'urn:claviger:event:revocation-snapshot'
/** Keeps a frame below 256 KiB, a limit that receivers rely on. */
export const longestFrame = 2_000

export type WireEntry = [kind: number, key: string, notBefore: number | null, exp: number]

export const wireEntry = ({ kind, key, notBefore, exp }: Entry): WireEntry => [
  kind,
  key.toString('base64url'),
  notBefore,
  exp,
]

export interface FrameContent {
  epoch: string
  /** One more than `to` in a heartbeat. */
  from: number
  to: number
  entries: readonly Entry[]
  /** A version that changes with the JWKS. */
  jwks?: string | undefined
}

export interface Seal {
  issuer: string
  key: FeedKey
  nowSeconds: number
}

export const feedOf = (issuer: string): string => `${issuer}/revocations`

export function signFrame({ entries, ...range }: FrameContent, seal: Seal): string {
  return signEvent(`${range.epoch}.${range.to}`, frameEvent, { ...range, entries: entries.map(wireEntry) }, seal)
}

const signManifest = (manifest: { epoch: string; seq: number; count: number; sha256: string }, seal: Seal): string =>
  signEvent(`${manifest.epoch}.${manifest.seq}`, snapshotEvent, manifest, seal)

/**
 * All unexpired entries of the log in two lines: a signed manifest, and the content with the hash that the manifest
 * states.
 */
export function snapshotText(
  { epoch, salt, seq }: Pick<LogHead, 'epoch' | 'salt' | 'seq'>,
  entries: Iterable<Entry>,
  seal: Seal,
): string {
  const unexpired = Array.from(entries, wireEntry)
  const content = JSON.stringify({ epoch, salt: salt.toString('base64url'), seq, entries: unexpired })
  const sha256 = hash('sha256', content, 'base64url')
  const manifest = signManifest({ epoch, seq, count: unexpired.length, sha256 }, seal)
  return `${JSON.stringify({ manifest })}\n${content}\n`
}

function signEvent(cursor: string, event: string, content: object, { issuer, key, nowSeconds }: Seal): string {
  const payload = {
    iss: issuer,
    aud: feedOf(issuer),
    iat: nowSeconds,
    jti: `${cursor}.${randomBytes(6).toString('base64url')}`,
    events: { [event]: content },
  }
  const signed = `${encode({ alg: 'RS256', typ: 'secevent+jwt', kid: key.kid })}.${encode(payload)}`
  const signature = sign('sha256', Buffer.from(signed), key.privateKey)
  return `${signed}.${signature.toString('base64url')}`
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
