/** What the ways to read the feed have in common. */
import { Failure } from '../../errors/failure.ts'
import type { FeedAccess } from '../../oidc/tokens/feed-access.ts'
import type { Answer } from '../../revocation/feed.ts'
import { HttpRefusal } from '../routing/http-refusal.ts'

export type Allowed = Extract<FeedAccess, { outcome: 'allowed' }>

/** @throws HttpRefusal 410; Failure `feed_unsure` */
export function readable<T extends object>(answer: Answer<T>): T {
  if (answer === 'gone') throw new HttpRefusal(410, 'This cursor leads nowhere any more: load the snapshot.')
  if (answer === 'unsure') {
    throw new Failure('feed_unsure', 'unavailable', 'The log cannot be read for a moment.', { retryAfterSeconds: 1 })
  }
  return answer
}

export const busy = (): Failure =>
  new Failure('feed_full', 'unavailable', 'This node has all the readers it takes.', { retryAfterSeconds: 5 })
