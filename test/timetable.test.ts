import { expect, test } from '@jest/globals'
import { type Job, startTimetable } from '../src/rhythm/timetable.ts'

const alone = async (_name: string, work: () => Promise<void>) => {
  await work()
  return true
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !holds(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(holds()).toBe(true)
}

test('a job runs again and again, and never beside itself', async () => {
  let running = 0
  let most = 0
  let runs = 0
  const job: Job = {
    name: 'sweep',
    everySeconds: 0.001,
    async run() {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running -= 1
      runs += 1
    },
  }
  const timetable = startTimetable([job], { exclusively: alone, onTrouble: () => {} })
  await until(() => runs >= 5)
  await timetable.stop()
  expect(most).toBe(1)
})

test('a job that fails is told of and runs again; the others do not notice', async () => {
  const troubles: string[] = []
  let others = 0
  const timetable = startTimetable(
    [
      { name: 'broken', everySeconds: 0.001, run: () => Promise.reject(new Error('no')) },
      { name: 'sound', everySeconds: 0.001, run: () => Promise.resolve(void others++) },
    ],
    { exclusively: alone, onTrouble: (job) => troubles.push(job) },
  )
  await until(() => troubles.length >= 3 && others >= 3)
  await timetable.stop()
  expect(new Set(troubles)).toEqual(new Set(['broken']))
})

test('the stop waits for what is running and lets nothing start after it', async () => {
  let started = 0
  let ended = 0
  const timetable = startTimetable(
    [
      {
        name: 'slow',
        everySeconds: 3_600,
        atStart: true,
        async run() {
          started += 1
          await new Promise((resolve) => setTimeout(resolve, 50))
          ended += 1
        },
      },
    ],
    { exclusively: alone, onTrouble: () => {}, random: () => 0 },
  )
  await until(() => started === 1)
  await timetable.stop()
  await timetable.stop()
  expect([started, ended]).toEqual([1, 1])
})

test('a job that another node is doing is left to it', async () => {
  let asked = 0
  let runs = 0
  const timetable = startTimetable([{ name: 'sweep', everySeconds: 0.001, run: () => Promise.resolve(void runs++) }], {
    exclusively: async () => {
      asked += 1
      return false
    },
    onTrouble: () => {},
  })
  await until(() => asked >= 3)
  await timetable.stop()
  expect(runs).toBe(0)
})
