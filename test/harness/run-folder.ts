/** A folder of its own for each run of Jest, so that runs side by side never meet. */
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { postgresFolder } from '../../src/storage/embedded/embedded-postgres.ts'
import { stop } from '../../src/storage/embedded/postgres-process.ts'
import { isAlive } from '../../src/storage/embedded/process-table.ts'

const prefix = 'claviger-test-'

export async function makeRunFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), prefix)))
  await writeFile(join(folder, 'jest.pid'), String(process.pid))
  return folder
}

/** Stops the run's Postgres, if a test needed one, and leaves nothing behind. */
export async function removeRunFolder(folder: string): Promise<void> {
  await stop(postgresFolder(folder, false))
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** What runs that were killed left behind. */
export async function removeDeadRuns(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(prefix))
  for (const name of names) {
    const folder = join(await realpath(tmpdir()), name)
    const pid = await readFile(join(folder, 'jest.pid'), 'utf8').catch(() => undefined)
    if (pid !== undefined && !isAlive(Number(pid))) await removeRunFolder(folder)
  }
}
