/** Everything a run stands on: a temporary folder, one Postgres, and the contenders made ready. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBareKoaContender } from './contenders/bare-koa.ts'
import { createClavigerContender } from './contenders/claviger.ts'
import type { Contender, ContenderName } from './contenders/contender.ts'
import { createCoreContender } from './contenders/core.ts'
import { type BenchPostgres, startPostgres } from './postgres.ts'

export interface Stage {
  folder: string
  postgres: BenchPostgres
  contenders: Map<ContenderName, Contender>
  /** Why a contender that was wanted is not there. */
  missing: Map<ContenderName, string>
}

/** A folder that the unprivileged Postgres can pass through. */
export function newStageFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-bench-'))
  chmodSync(folder, 0o711)
  return folder
}

export const removeStageFolder = (folder: string) => rmSync(folder, { recursive: true, force: true })

/** A contender that cannot be made ready is missed with its reason; the others go on. */
export async function prepareStage(folder: string, without: ContenderName[]): Promise<Stage> {
  const postgres = await startPostgres(join(folder, 'postgres'))
  const stage: Stage = { folder, postgres, contenders: new Map(), missing: new Map() }
  const add = async (name: ContenderName, create: () => Promise<Contender>) => {
    if (without.includes(name)) return
    try {
      stage.contenders.set(name, await create())
    } catch (error) {
      stage.missing.set(name, reasonOf(error))
    }
  }
  await add('memory', () => createCoreContender(folder))
  await add('plain', async () => createCoreContender(folder, await postgres.createDatabase('plain')))
  await add('claviger', async () =>
    createClavigerContender({ folder, databaseUrl: await postgres.createDatabase('claviger') }),
  )
  const model = stage.contenders.get('claviger') ?? stage.contenders.get('memory')
  if (model) await add('koa', () => createBareKoaContender(folder, model))
  return stage
}

export const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
