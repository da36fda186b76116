/** What a run brings home; `--json` prints it as it is. */
import type { ContenderName } from './contenders/contender.ts'
import type { FlowName } from './flows/catalogue.ts'

export interface Cell {
  flow: FlowName
  contender: ContenderName
  /** Why there are no figures. */
  failed?: string
  perSecond: number
  /** Part of one core that the server used while it was measured. */
  serverBusy: number
  serverCpuMicroseconds: number
  postgresCpuMicroseconds: number | undefined
  p50Milliseconds: number
  p99Milliseconds: number
  residentMegabytes: number
  /** Median over the rounds of this contender's rate by the yardstick's in the same round. */
  rateRatio: number | undefined
  /** The yardstick's CPU time for a step (Node and Postgres) by this contender's. */
  cpuRatio: number | undefined
  goal: number | undefined
}

export interface StatementCount {
  flow: FlowName
  contender: ContenderName
  failed?: string
  statements: number
  roundTrips: number
}

export interface StartFigures {
  contender: ContenderName
  database: 'none' | 'external' | 'embedded'
  failed?: string
  coldStartMilliseconds: number
  idleMegabytes: number | undefined
}

export interface Results {
  node: string
  cores: number
  /** Of the minute before the run: what else was going on. */
  loadBefore: number
  cells: Cell[]
  statements: StatementCount[]
  starts: StartFigures[]
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}
