import { afterEach, describe, expect, test } from '@jest/globals'
import { entryKey } from '../../src/revocation/entry-key.ts'
import { LiveLog } from '../../src/revocation/live-log.ts'
import {
  type Entry,
  kinds,
  type LoggedRevocation,
  type LogHead,
  type RevocationLog,
} from '../../src/revocation/revocation.ts'

const salt = Buffer.alloc(16, 7)
const nowSeconds = () => Math.floor(Date.now() / 1000)

class MemoryLog implements RevocationLog {
  readonly entries: LoggedRevocation[] = []
  epoch = 'one'
  readonly restored: { lost: number; behind: string | undefined }[] = []

  cutOff(kind: number, value: string, notBefore: number): void {
    const exp = nowSeconds() + 600
    this.entries.push({ seq: this.entries.length + 1, kind, key: entryKey(salt, kind, value), notBefore, exp })
  }

  async advance(): Promise<LogHead> {
    return { epoch: this.epoch, salt, seq: this.entries.length, floor: 0, databaseMs: Date.now() }
  }

  readAfter = async (seq: number) => this.entries.filter((entry) => entry.seq > seq)
  async restore(lost: readonly Entry[], behind: LogHead | undefined): Promise<void> {
    this.restored.push({ lost: lost.length, behind: behind?.epoch })
    if (behind) this.epoch = 'drawn'
    for (const entry of lost) this.entries.push({ ...entry, seq: this.entries.length + 1 })
  }
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

describe('when another server answers', () => {
  const cutOff = nowSeconds() + 5
  const known = async () => {
    const log = new MemoryLog()
    log.cutOff(kinds.sub, 'ada', cutOff)
    log.cutOff(kinds.sub, 'ben', cutOff)
    await liveOn(log)
    return log
  }
  const moved = async (log: MemoryLog, change: (entries: LoggedRevocation[]) => void) => {
    change(log.entries)
    const told: boolean[] = []
    live.onChange(({ isNewEpoch }) => told.push(isNewEpoch))
    live.doubt()
    const ageAtOnce = live.ageMs
    await live.look()
    return { told, ageAtOnce }
  }

  test('nothing counts as read until its log was read whole', async () => {
    const { ageAtOnce } = await moved(await known(), () => {})
    expect(ageAtOnce).toBe(Number.POSITIVE_INFINITY)
    expect(live.ageMs).toBeLessThan(60_000)
  })

  test('a log that goes on from what was known keeps its epoch, and what is new is told', async () => {
    const log = await known()
    const { told } = await moved(log, () => log.cutOff(kinds.sub, 'cleo', cutOff))
    expect([live.head.epoch, told, log.restored]).toEqual(['one', [false], []])
    expect(live.voids({ sub: 'cleo', iat: 1 })).toBe(true)
  })

  test('entries that it lost are told to it again, under a new epoch, though it has as many numbers', async () => {
    const log = await known()
    const { told } = await moved(log, (entries) => {
      entries.pop()
      log.cutOff(kinds.sub, 'cleo', cutOff)
    })
    expect([live.head.epoch, told, log.restored]).toEqual(['drawn', [true], [{ lost: 1, behind: 'one' }]])
    for (const sub of ['ada', 'ben', 'cleo']) expect(live.voids({ sub, iat: 1 })).toBe(true)
  })

  test('a number that stands for another entry draws a new epoch, though nothing was lost', async () => {
    const log = await known()
    const { told } = await moved(log, (entries) => {
      const [ada, ben] = entries.splice(0) as [LoggedRevocation, LoggedRevocation]
      entries.push({ ...ben, seq: 1 }, { ...ada, seq: 2 })
    })
    expect([live.head.epoch, told]).toEqual(['drawn', [true]])
  })
})

test('while the connection to the log is not proven, the log counts as never read', async () => {
  const log = new MemoryLog()
  let isProven = true
  live = await LiveLog.start({ log, onTrouble: () => {}, pollMs: 10, isProven: () => isProven })
  expect(live.ageMs).toBeLessThan(60_000)
  isProven = false
  expect(live.ageMs).toBe(Number.POSITIVE_INFINITY)
})
