/**
 * The revocation feed over HTTP, as docs/revocation-feed.md describes it: a snapshot,
 * the changes since a cursor, and a stream. The room `revocation` signs the content;
 * these routes only deliver it.
 */
import type { Context, Middleware } from 'koa'
import { revocationScope } from '../../clients/api-credentials.ts'
import { Failure } from '../../errors/failure.ts'
import type { FeedMeter, FeedRefusal } from '../../events/feed-metrics.ts'
import type { FeedAccess } from '../../oidc/tokens/feed-access.ts'
import { type Cursor, parseCursor } from '../../revocation/cursor.ts'
import type { Feed } from '../../revocation/feed.ts'
import { HttpRefusal } from '../routing/http-refusal.ts'
import { refuseAccess } from '../routing/refuse-access.ts'
import { type Allowed, busy, readable } from './feed-answers.ts'
import { FeedStreams } from './feed-streams.ts'

export interface FeedRoutesNeeds {
  feed: Feed
  meter: FeedMeter
  access(authorization: string | undefined): Promise<FeedAccess>
  /** The limit for one process. */
  mostStreams?: number
}

const feedDoor = {
  realm: 'revocations',
  scopes: [revocationScope],
  sentence: 'Send the client credentials of an API, or an access token for this feed that the API obtained with them.',
}
const longestWaitSeconds = 25
const mostWaiting = 5_000

export function feedRoutes(needs: FeedRoutesNeeds): Middleware {
  const { feed, meter } = needs
  const streams = new FeedStreams(feed, needs.mostStreams ?? 5_000, meter)
  let waiting = 0
  const answers: Readonly<Record<string, (ctx: Context, access: Allowed) => Promise<void>>> = {
    '/revocations/snapshot': (ctx) => answerSnapshot(ctx, needs),
    '/revocations/changes': async (ctx) => {
      const { after, waitMs } = changesAsked(ctx)
      if (waitMs > 0 && waiting >= mostWaiting) throw busy()
      waiting += waitMs > 0 ? 1 : 0
      try {
        await answerChanges(ctx, needs, after, waitMs)
      } finally {
        waiting -= waitMs > 0 ? 1 : 0
      }
    },
    '/revocations/stream': (ctx, access) => streams.open(ctx, cursorOfStream(ctx), access),
  }
  return async (ctx) => {
    const answer = answers[ctx.path]
    if (!answer) throw new Failure('page_missing', 'missing', 'There is no such page.')
    ctx.vary('Authorization')
    const access = await needs.access(ctx.get('Authorization') || undefined)
    if (access.outcome !== 'allowed') {
      meter.refused(access.outcome)
      return refuseAccess(ctx, access, feedDoor)
    }
    try {
      await answer(ctx, access)
    } catch (reason) {
      meter.refused(refusalOf(reason))
      throw reason
    }
  }
}

function refusalOf(reason: unknown): FeedRefusal {
  if (reason instanceof HttpRefusal) return reason.status === 410 ? 'gone' : 'invalid'
  if (reason instanceof Failure && reason.code === 'feed_unsure') return 'unsure'
  return reason instanceof Failure && reason.code === 'feed_full' ? 'full' : 'other'
}

async function answerSnapshot(ctx: Context, { feed, meter }: FeedRoutesNeeds): Promise<void> {
  const { cursor, kid, plain, gzipped } = await feed.snapshot()
  const tag = `${cursor}.${kid}`
  ctx.set('ETag', `W/"${tag}"`)
  ctx.set('Cache-Control', 'public, max-age=30, stale-while-revalidate=300, stale-if-error=86400')
  ctx.vary('Accept-Encoding')
  if (isKnown(ctx.get('If-None-Match'), tag)) {
    ctx.status = 304
    return
  }
  ctx.type = 'application/x-ndjson'
  const isGzip = ctx.acceptsEncodings('gzip', 'identity') === 'gzip'
  if (isGzip) ctx.set('Content-Encoding', 'gzip')
  const body = isGzip ? gzipped : plain
  meter.sent('snapshot', 0, body.length)
  ctx.body = body
}

/** Weak comparison (RFC 9110 §13.1.2). */
const isKnown = (header: string, tag: string): boolean =>
  header.split(',').some((one) => one.trim().replace(/^W\//, '') === `"${tag}"`)

async function answerChanges(
  ctx: Context,
  { feed, meter }: FeedRoutesNeeds,
  after: Cursor,
  waitMs: number,
): Promise<void> {
  const gone = new AbortController()
  ctx.res.once('close', () => gone.abort())
  const found = await feed.changes(after, waitMs, gone.signal)
  const { cursor, frames } = readable(found)
  ctx.set('ETag', `W/"${cursor}"`)
  ctx.set('Cache-Control', waitMs > 0 ? 'no-store' : 'public, max-age=1')
  ctx.type = 'application/json'
  const body = JSON.stringify(frames)
  meter.sent('changes', frames.length, body.length)
  ctx.body = body
}

function changesAsked(ctx: Context): { after: Cursor; waitMs: number } {
  const { after, wait = '0' } = ctx.query
  const cursor = typeof after === 'string' ? parseCursor(after) : undefined
  if (!cursor) throw new HttpRefusal(400, 'after must be a cursor from a snapshot or a frame: <epoch>.<seq>.')
  const seconds = typeof wait === 'string' && /^\d{1,2}$/.test(wait) ? Number(wait) : Number.NaN
  if (!(seconds <= longestWaitSeconds)) throw new HttpRefusal(400, `wait must be 0 to ${longestWaitSeconds} seconds.`)
  return { after: cursor, waitMs: seconds * 1000 }
}

/** `Last-Event-ID`, which a reconnecting EventSource sends, takes precedence over the cursor in the URL. */
function cursorOfStream(ctx: Context): Cursor | undefined {
  const asked = ctx.get('Last-Event-ID') || ctx.query.after
  if (asked === undefined) return undefined
  const cursor = typeof asked === 'string' ? parseCursor(asked) : undefined
  if (!cursor) throw new HttpRefusal(400, 'The cursor must come from a snapshot or a frame: <epoch>.<seq>.')
  return cursor
}
