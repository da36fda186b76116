/** Counters of the revocation feed: streams, frames, bytes, refusals. */
import { Counter, Gauge, type Registry } from 'prom-client'

export const feedWays = ['stream', 'changes', 'snapshot'] as const
export type FeedWay = (typeof feedWays)[number]

export const feedRefusals = [
  'unauthenticated',
  'insufficient_scope',
  /** A malformed cursor or wait. */
  'invalid',
  /** The cursor has expired. */
  'gone',
  /** The database is unavailable. */
  'unsure',
  /** This node serves its maximum number of readers. */
  'full',
  'other',
] as const
export type FeedRefusal = (typeof feedRefusals)[number]

export interface FeedMeter {
  /** Sets the number of open streams of this process. */
  streams(count: number): void
  /** Counts frames sent to `readers` readers. A snapshot counts as no frame. */
  sent(way: FeedWay, frames: number, bytes: number, readers?: number): void
  refused(why: FeedRefusal): void
  /** Counts a stream that was closed because its reader was too slow. */
  cutOff(): void
}

export function createFeedMeter(registry: Registry): FeedMeter {
  const registers = [registry]
  const streams = new Gauge({ name: 'claviger_feed_streams', help: 'Open streams of the revocation feed.', registers })
  const frames = new Counter({
    name: 'claviger_feed_frames_sent_total',
    help: 'Frames of the revocation feed sent, heartbeats included, once for each reader.',
    labelNames: ['way'],
    registers,
  })
  const bytes = new Counter({
    name: 'claviger_feed_bytes_sent_total',
    help: 'Bytes of the revocation feed sent, once for each reader.',
    labelNames: ['way'],
    registers,
  })
  const refused = new Counter({
    name: 'claviger_feed_refused_total',
    help: 'Requests for the revocation feed that were refused, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const cutOff = new Counter({
    name: 'claviger_feed_streams_cut_off_total',
    help: 'Streams ended because their reader was too slow.',
    registers,
  })
  const refusedBy = new Map(feedRefusals.map((reason) => [reason, refused.labels(reason)]))
  for (const one of refusedBy.values()) one.inc(0)
  const sentBy = new Map(feedWays.map((way) => [way, { frames: frames.labels(way), bytes: bytes.labels(way) }]))
  for (const one of sentBy.values()) {
    one.frames.inc(0)
    one.bytes.inc(0)
  }
  return {
    streams: (count) => streams.set(count),
    sent(way, count, length, readers = 1) {
      const counters = sentBy.get(way)
      counters?.frames.inc(count * readers)
      counters?.bytes.inc(length * readers)
    },
    refused: (why) => refusedBy.get(why)?.inc(),
    cutOff: () => cutOff.inc(),
  }
}
