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

describe('a token is dated', () => {
  const marks = { sub: 'ada', client: 'shop', issuer: 'https://id.example' }

  test('with the present second of the database, whatever was revoked long ago', async () => {
    const log = new MemoryLog()
    log.cutOff(kinds.client, 'shop', nowSeconds() - 10)
    expect(await (await liveOn(log)).issueSecond(marks, nowSeconds() - 5)).toBe(live.clock.nowSeconds)
  })

  test.each([
    ['its app', kinds.client, 'shop'],
    ['its person', kinds.sub, 'ada'],
    ['the issuer', kinds.issuer, 'https://id.example'],
  ])('no earlier than a cut-off of %s, and not before the clock has come there', async (_, kind, value) => {
    const log = new MemoryLog()
    const notBefore = nowSeconds() + 1
    log.cutOff(kind, value, notBefore)
    const second = await (await liveOn(log)).issueSecond(marks)
    expect(second).toBeGreaterThanOrEqual(notBefore)
    expect(live.clock.nowMs).toBeGreaterThanOrEqual(notBefore * 1000)
    expect(live.voids({ ...marks, iat: second })).toBe(false)
  })

  test('so that it is void when something else that names it was revoked while it waited', async () => {
    const log = new MemoryLog()
    const notBefore = nowSeconds() + 2
    log.cutOff(kinds.sub, 'ada', notBefore)
    const second = (await liveOn(log)).issueSecond(marks)
    log.cutOff(kinds.client, 'shop', notBefore)
    expect(live.voids({ ...marks, iat: await second })).toBe(true)
  })

  test('as late as the cut-off at once where that lies so far ahead that a clock must have been set back', async () => {
    const log = new MemoryLog()
    const notBefore = nowSeconds() + 600
    expect(await (await liveOn(log)).issueSecond(marks, notBefore)).toBe(notBefore)
  })
})
