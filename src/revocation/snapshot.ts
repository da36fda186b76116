/** Everything that lives in the log, in two lines: a signed manifest, and what it vouches for. */
import { hash } from 'node:crypto'
import { type Seal, signManifest, wireEntry } from './frames.ts'
import type { Entry, LogHead } from './revocation.ts'

export function snapshotText(
  { epoch, salt, seq }: Pick<LogHead, 'epoch' | 'salt' | 'seq'>,
  entries: Iterable<Entry>,
  seal: Seal,
): string {
  const living = Array.from(entries, wireEntry)
  const content = JSON.stringify({ epoch, salt: salt.toString('base64url'), seq, entries: living })
  const sha256 = hash('sha256', content, 'base64url')
  const manifest = signManifest({ epoch, seq, count: living.length, sha256 }, seal)
  return `${JSON.stringify({ manifest })}\n${content}\n`
}
