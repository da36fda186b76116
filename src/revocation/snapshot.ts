/**
 * All unexpired entries of the log in two lines: a signed manifest, and the content with the hash that the manifest
 * states.
 */
import { hash } from 'node:crypto'
import { type Seal, signManifest, wireEntry } from './frames.ts'
import type { Entry, LogHead } from './revocation.ts'

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
