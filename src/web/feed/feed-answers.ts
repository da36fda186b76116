/** The answers that the snapshot, the changes and the stream share. */
import { Failure } from '../../errors/failure.ts'
import type { FeedAccess } from '../../oidc/tokens/feed-access.ts'
import type { Answer } from '../../revocation/feed.ts'
import { HttpRefusal } from '../routing/http-refusal.ts'

export type Allowed = Extract<FeedAccess, { outcome: 'allowed' }>

/** @throws HttpRefusal 410; Failure `feed_unsure` */
export function readable<T extends object>(answer: Answer<T>): T {
  if (answer === 'gone') throw new HttpRefusal(410, 'The cursor has expired. Load the snapshot.')
  if (answer === 'unsure') {
    throw new Failure('feed_unsure', 'unavailable', 'The revocation log cannot be read. Retry in 1 second.', {
      retryAfterSeconds: 1,
    })
  }
  return answer
}

export const busy = (): Failure =>
  new Failure('feed_full', 'unavailable', 'This node serves its maximum number of feed readers. Retry in 5 seconds.', {
    retryAfterSeconds: 5,
  })
