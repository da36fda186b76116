import { afterEach, describe, expect, test } from '@jest/globals'
import { Feed, type SentFrame } from '../../src/revocation/feed.ts'
import {
  type FeedKeys,
  type FeedSecret,
  type FeedSecrets,
  feedKeyFrom,
  newFeedSecret,
  openFeedKeys,
  rotateFeedKeys,
} from '../../src/revocation/feed-keys.ts'
import { frameEvent, longestFrame, type WireEntry } from '../../src/revocation/frames.ts'
import { LiveLog } from '../../src/revocation/live-log.ts'
import type { LoggedRevocation, LogHead, RevocationLog } from '../../src/revocation/revocation.ts'
import { eventually } from '../harness/eventually.ts'

const epoch = '0f8c2a34-6f0e-4c5b-9d3e-2b1a7c8d9e0f'
const inAnHour = Math.floor(Date.now() / 1000) + 3_600

class MemoryLog implements RevocationLog {
  head: LogHead = { epoch, salt: Buffer.alloc(16), seq: 0, floor: 0, databaseMs: Date.now() }
  entries: LoggedRevocation[] = []
  isAway = false
  restored = 0

  revoke(count = 1, exp = inAnHour): void {
    for (let made = 0; made < count; made += 1) {
      const seq = this.head.seq + 1
      const key = Buffer.alloc(16)
      key.writeUInt32BE(seq)
      this.entries.push({ seq, kind: 1, key, notBefore: null, exp })
      this.head = { ...this.head, seq }
    }
  }
  async advance(): Promise<LogHead> {
    if (this.isAway) throw new Error('away')
    return { ...this.head, databaseMs: Date.now() }
  }
  async readAfter(seq: number, limit: number): Promise<LoggedRevocation[]> {
    return this.entries.filter((entry) => entry.seq > seq).slice(0, limit)
  }
  async restore(): Promise<void> {
    this.restored += 1
  }
}

const opened: { feed: Feed; live: LiveLog }[] = []
afterEach(async () => {
  for (const { feed, live } of opened.splice(0)) {
    feed.close()
    await live.stop()
  }
})

const secret = await newFeedSecret()
const keys: FeedKeys = { current: await feedKeyFrom(secret), next: await feedKeyFrom(await newFeedSecret()) }

async function open(log = new MemoryLog(), heartbeatMs = 60_000, isProven = () => true) {
  const live = await LiveLog.start({ log, pollMs: 60_000, onTrouble: () => undefined, isProven })
  const feed = new Feed({
    log: live,
    issuer: 'https://id.example',
    keys: () => keys,
    jwksVersion: () => 'v1',
    gatherMs: 20,
    heartbeatMs,
  })
  opened.push({ feed, live })
  return { log, live, feed }
}

const told = (jws: string) =>
  (
    JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      events: Record<string, { from: number; to: number; entries: WireEntry[] }>
    }
  ).events[frameEvent] ?? { from: 0, to: 0, entries: [] }
const at = (seq: number) => ({ epoch, seq })
const never = new AbortController().signal

async function framesSince(feed: Feed, seq: number, waitMs = 0) {
  const answer = await feed.changes(at(seq), waitMs, never)
  if (typeof answer === 'string') throw new Error(answer)
  return answer.frames.map(told)
}

describe('the feed', () => {
  test('cuts what is long into frames that follow each other without a hole', async () => {
    const { log, live, feed } = await open()
    log.revoke(2 * longestFrame + 7)
    await live.look()
    const frames = await framesSince(feed, 0)
    expect(frames.map(({ from, to, entries }) => [from, to, entries.length])).toEqual([
      [1, longestFrame, longestFrame],
      [longestFrame + 1, 2 * longestFrame, longestFrame],
      [2 * longestFrame + 1, 2 * longestFrame + 7, 7],
    ])
  })

  test('keeps a frame of the longest kind below 256 KiB', async () => {
    const { log, live, feed } = await open()
    log.revoke(longestFrame)
    await live.look()
    const answer = await feed.changes(at(0), 0, never)
    expect(typeof answer === 'string' ? 0 : (answer.frames[0]?.length ?? 0)).toBeLessThan(256 * 1024)
  })

  test('bridges numbers whose entries have expired', async () => {
    const { log, live, feed } = await open()
    log.revoke(3, 1)
    log.revoke(1)
    await live.look()
    live.forgetExpired()
    expect(await framesSince(feed, 0)).toMatchObject([
      { from: 1, to: 4, entries: [[1, expect.anything(), null, inAnHour]] },
    ])
  })

  test('sends news to its readers as they happen, each once and in order', async () => {
    const { log, live, feed } = await open()
    const sent: SentFrame[] = []
    feed.read(
      (frame) => sent.push(frame),
      () => undefined,
    )
    for (let round = 0; round < 5; round += 1) {
      log.revoke(2)
      await live.look()
    }
    for (let tries = 0; tries < 100 && !sent.at(-1)?.cursor.endsWith('.10'); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const frames = sent.map(({ frame }) => told(frame))
    expect(frames.flatMap(({ entries }) => entries)).toHaveLength(10)
    expect(frames.every(({ from }, index) => from === (frames[index - 1]?.to ?? 0) + 1)).toBe(true)
  })

  test('lets a stream begin with what is missing and a heartbeat', async () => {
    const { log, live, feed } = await open()
    log.revoke(3)
    await live.look()
    await new Promise((resolve) => setTimeout(resolve, 40))
    const begun = await feed.catchUp(at(1))
    if (typeof begun === 'string') throw new Error(begun)
    expect(begun.map(({ frame }) => told(frame))).toMatchObject([
      { from: 2, to: 3 },
      { from: 4, to: 3, entries: [] },
    ])
  })

  test('knows nothing of another epoch, of what is older than the log, and of what is ahead of it', async () => {
    const log = new MemoryLog()
    log.revoke(5)
    log.head = { ...log.head, floor: 3 }
    const { feed } = await open(log)
    expect(await feed.changes({ epoch: epoch.replace('0', '1'), seq: 1 }, 0, never)).toBe('gone')
    expect(await feed.changes(at(2), 0, never)).toBe('gone')
    expect(await feed.changes(at(6), 0, never)).toBe('gone')
    expect(await feed.catchUp(at(2))).toBe('gone')
    expect(await framesSince(feed, 3)).toMatchObject([{ from: 4, to: 5 }])
  })

  test('sends no heartbeat and answers no reader while the connection to the log is not proven', async () => {
    let isProven = true
    const { feed, live } = await open(new MemoryLog(), 5, () => isProven)
    let heartbeats = 0
    feed.read(
      () => {
        heartbeats += 1
      },
      () => undefined,
    )
    expect(await eventually(() => heartbeats > 2 || undefined, { pauseMs: 5 })).toBe(true)
    isProven = false
    heartbeats = 0
    expect(await feed.catchUp(undefined)).toBe('unsure')
    for (const epoch of [live.head.epoch, 'begun by a node on the right server']) {
      expect(await feed.changes({ epoch, seq: 0 }, 50, new AbortController().signal)).toBe('unsure')
    }
    expect(heartbeats).toBe(0)
    isProven = true
    expect(await eventually(() => heartbeats > 2 || undefined, { pauseMs: 5 })).toBe(true)
  })

  test('ends its streams when a new epoch begins', async () => {
    const { log, live, feed } = await open()
    let closed = 0
    feed.read(
      () => undefined,
      () => {
        closed += 1
      },
    )
    log.head = { ...log.head, epoch: epoch.replace('0', '1') }
    await live.look()
    expect(closed).toBe(1)
  })

  test('answers a waiting reader as soon as there is news', async () => {
    const { log, live, feed } = await open()
    const waiting = framesSince(feed, 0, 20_000)
    log.revoke()
    await live.look()
    expect(await waiting).toMatchObject([{ from: 1, to: 1 }])
  })
})

class StandInSecrets implements FeedSecrets {
  secrets: FeedSecret[] = []
  now = Date.now()

  async all(name: string, make: () => Promise<Uint8Array>) {
    if (this.secrets.length === 0) await this.renew(name, make)
    return { secrets: [...this.secrets].reverse(), now: new Date(this.now) }
  }

  async renew(_: string, make: () => Promise<Uint8Array>): Promise<boolean> {
    const generation = (this.secrets.at(-1)?.generation ?? 0) + 1
    this.secrets.push({ generation, secret: await make(), createdAt: new Date(this.now) })
    return true
  }

  async forget(_: string, generation: number): Promise<void> {
    this.secrets = this.secrets.filter((one) => one.generation !== generation)
  }
}

describe('the keys of the feed', () => {
  test('follow from their secrets, so that every node has the same', async () => {
    const again = await feedKeyFrom(secret)
    expect(again.publicJwk).toEqual(keys.current.publicJwk)
    expect(keys.next.kid).not.toBe(keys.current.kid)
  })

  test('are two; a rotation has the next one sign and makes another', async () => {
    const store = new StandInSecrets()
    const before = await openFeedKeys(store)
    store.now += 60_000
    const after = await rotateFeedKeys(store, { leadMs: 60_000 })
    expect(after.current.kid).toBe(before.next.kid)
    expect(await openFeedKeys(store)).toMatchObject({ next: { kid: after.next?.kid } })
    expect(new Set([before.current.kid, before.next.kid, after.next?.kid]).size).toBe(3)
    // Who signed before is forgotten: a stolen backup of later has it no more.
    expect(store.secrets.map(({ generation }) => generation)).toEqual([2, 3])
  })

  test('do not rotate before receivers have had time to pin the next one, unless somebody is in a hurry', async () => {
    const store = new StandInSecrets()
    const { next } = await openFeedKeys(store)
    store.now += 59_999
    await expect(rotateFeedKeys(store, { leadMs: 60_000 })).rejects.toMatchObject({ code: 'feed_key_too_new' })
    expect(await rotateFeedKeys(store, { leadMs: 60_000, now: true, dryRun: true })).toMatchObject({ next: undefined })
    expect((await openFeedKeys(store)).next.kid).toBe(next.kid)
    expect((await rotateFeedKeys(store, { leadMs: 60_000, now: true })).current.kid).toBe(next.kid)
  })
})
