/** Cold start to ready on an existing database, and the memory of a process that has nothing to do. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createClavigerContender } from './contenders/claviger.ts'
import type { Contender } from './contenders/contender.ts'
import { residentMegabytes } from './proc-stat.ts'
import { median, type StartFigures } from './results.ts'
import { reasonOf, type Stage } from './stage.ts'

const idleMilliseconds = 3000

/** Starts it again and again; the last time it is left alone for a while and weighed. */
export async function measureStarts(
  contender: Contender,
  database: StartFigures['database'],
  times: number,
): Promise<StartFigures> {
  const starts: number[] = []
  let idleMegabytes: number | undefined
  for (let time = 0; time < times; time++) {
    const running = await contender.start()
    try {
      starts.push(running.readyMilliseconds)
      if (time < times - 1) continue
      await new Promise((resolve) => setTimeout(resolve, idleMilliseconds))
      // With the embedded database the family holds Postgres too, which is not what the goal is about.
      if (database !== 'embedded') idleMegabytes = residentMegabytes(running.pid)
    } finally {
      await running.stop()
    }
  }
  return { contender: contender.name, database, coldStartMilliseconds: median(starts), idleMegabytes }
}

/** All contenders that keep rows in the shared Postgres or none, then Claviger on its own Postgres. */
export async function measureAllStarts(stage: Stage, times: number): Promise<StartFigures[]> {
  const figures: StartFigures[] = []
  const attempt = async (
    contender: 'memory' | 'plain' | 'claviger',
    database: StartFigures['database'],
    measure: () => Promise<StartFigures>,
  ) => {
    try {
      figures.push(await measure())
    } catch (error) {
      figures.push({
        contender,
        database,
        failed: reasonOf(error),
        coldStartMilliseconds: Number.NaN,
        idleMegabytes: undefined,
      })
    }
  }
  for (const name of ['memory', 'plain', 'claviger'] as const) {
    const contender = stage.contenders.get(name)
    const database = contender?.databaseUrl ? 'external' : 'none'
    const reason = stage.missing.get(name)
    if (contender) await attempt(name, database, () => measureStarts(contender, database, times))
    else if (reason !== undefined) await attempt(name, 'external', () => Promise.reject(new Error(reason)))
  }
  if (stage.contenders.has('claviger')) {
    const folder = join(stage.folder, 'embedded')
    mkdirSync(folder, { mode: 0o711 })
    await attempt('claviger', 'embedded', async () =>
      measureStarts(await createClavigerContender({ folder }), 'embedded', times),
    )
  }
  return figures
}
