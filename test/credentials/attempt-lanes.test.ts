import { describe, expect, test } from '@jest/globals'
import { AttemptLanes } from '../../src/credentials/attempt-lanes.ts'
import type { Admission } from '../../src/credentials/attempt-store.ts'

const yes: Admission = { admitted: true, nextAfterSeconds: 0 }
const no: Admission = { admitted: false, retryAfterSeconds: 5 }
const turns = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

describe('attempts of one person in one place', () => {
  test('ask one after the other', async () => {
    const lanes = new AttemptLanes()
    let asking = 0
    const ask = async () => {
      asking += 1
      expect(asking).toBe(1)
      await turns()
      asking -= 1
      return yes
    }
    await Promise.all(Array.from({ length: 10 }, () => lanes.enter('ada', ask)))
  })

  test('when refused while another is under way, wait for it and ask again', async () => {
    const lanes = new AttemptLanes()
    await lanes.enter('ada', async () => yes)
    const answers = [no, yes]
    let seen: Admission | undefined
    const second = lanes.enter('ada', async () => answers.shift() ?? no).then((admission) => (seen = admission))
    await turns()
    expect(seen).toBeUndefined()
    lanes.leave('ada')
    expect(await second).toBe(yes)
  })

  test('when refused with nothing under way, are told at once', async () => {
    expect(await new AttemptLanes().enter('ada', async () => no)).toBe(no)
  })

  test('beyond sixty-four waiting are refused at once', async () => {
    const lanes = new AttemptLanes()
    await lanes.enter('ada', async () => yes)
    const waiting = Array.from({ length: 64 }, () => lanes.enter('ada', async () => no))
    expect(await lanes.enter('ada', async () => yes)).toEqual({ admitted: false, retryAfterSeconds: 1 })
    lanes.leave('ada')
    expect((await Promise.all(waiting)).every(({ admitted }) => !admitted)).toBe(true)
  })

  test('do not hold up others, and one that fails holds up nobody', async () => {
    const lanes = new AttemptLanes()
    const lost = lanes.enter('ada', () => Promise.reject(new Error('lost')))
    const next = lanes.enter('ada', async () => yes)
    await expect(lost).rejects.toThrow('lost')
    expect([await next, await lanes.enter('bob', async () => yes)]).toEqual([yes, yes])
  })

  test('leave nothing behind', async () => {
    const lanes = new AttemptLanes()
    for (const key of ['a', 'b', 'c']) await lanes.enter(key, async () => yes)
    await lanes.enter('d', async () => no)
    expect(lanes.size).toBe(3)
    for (const key of ['a', 'b', 'c', 'never']) lanes.leave(key)
    expect(lanes.size).toBe(0)
  })
})
