import { afterEach, describe, expect, test } from '@jest/globals'
import { entryKey } from '../../src/revocation/entry-key.ts'
import { LiveLog } from '../../src/revocation/live-log.ts'
import { kinds, type LoggedRevocation, type LogHead, type RevocationLog } from '../../src/revocation/revocation.ts'

const salt = Buffer.alloc(16, 7)
const nowSeconds = () => Math.floor(Date.now() / 1000)

class MemoryLog implements RevocationLog {
  readonly entries: LoggedRevocation[] = []

  cutOff(kind: number, value: string, notBefore: number): void {
    const exp = nowSeconds() + 600
    this.entries.push({ seq: this.entries.length + 1, kind, key: entryKey(salt, kind, value), notBefore, exp })
  }

  async advance(): Promise<LogHead> {
    return { epoch: 'one', salt, seq: this.entries.length, floor: 0, databaseMs: Date.now() }
  }

  readAfter = async (seq: number) => this.entries.filter((entry) => entry.seq > seq)
  restore = async () => {}
}

let live: LiveLog
afterEach(() => live.stop())

async function liveOn(log: MemoryLog): Promise<LiveLog> {
  live = await LiveLog.start({ log, onTrouble: () => {}, pollMs: 10 })
  return live
}

describe('the iat of a token', () => {
  const marks = { sub: 'ada', client: 'shop', issuer: 'https://id.example' }

  test('is the current second of the database when its revocations are in the past', async () => {
    const log = new MemoryLog()
    log.cutOff(kinds.client, 'shop', nowSeconds() - 10)
    expect(await (await liveOn(log)).issueSecond(marks, nowSeconds() - 5)).toBe(live.clock.nowSeconds)
  })

  test.each([
    ['its app', kinds.client, 'shop'],
    ['its person', kinds.sub, 'ada'],
    ['the issuer', kinds.issuer, 'https://id.example'],
  ])('waits until a cut-off of %s has passed, and is no earlier', async (_, kind, value) => {
    const log = new MemoryLog()
    const notBefore = nowSeconds() + 1
    log.cutOff(kind, value, notBefore)
    const second = await (await liveOn(log)).issueSecond(marks)
    expect(second).toBeGreaterThanOrEqual(notBefore)
    expect(live.clock.nowMs).toBeGreaterThanOrEqual(notBefore * 1000)
    expect(live.voids({ ...marks, iat: second })).toBe(false)
  })

  test('is the second of the request when a name of the token is revoked during the wait, so that the token is revoked', async () => {
    const log = new MemoryLog()
    const notBefore = nowSeconds() + 2
    log.cutOff(kinds.sub, 'ada', notBefore)
    const second = (await liveOn(log)).issueSecond(marks)
    log.cutOff(kinds.client, 'shop', notBefore)
    expect(live.voids({ ...marks, iat: await second })).toBe(true)
  })

  test('is the cut-off without a wait when the cut-off is more than 2.5 s ahead', async () => {
    const log = new MemoryLog()
    const notBefore = nowSeconds() + 600
    expect(await (await liveOn(log)).issueSecond(marks, notBefore)).toBe(notBefore)
  })
})
