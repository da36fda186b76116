/** What the runner and a load process say to each other. */
import type { FlowName } from './flows/catalogue.ts'
import type { Target } from './target.ts'

export interface LoadSetup {
  flow: FlowName
  target: Target
  connections: number
  /** Whose CPU is read at the borders of the measured time. */
  serverPid: number
  postgresPid: number | undefined
}

export type LoadOrder =
  | { order: 'prepare'; setup: LoadSetup }
  | { order: 'measure'; warmupSeconds: number; seconds: number }
  | { order: 'repeat'; times: number }

export interface Measurement {
  steps: number
  seconds: number
  serverCpuMicroseconds: number
  postgresCpuMicroseconds: number | undefined
  p50Milliseconds: number
  p95Milliseconds: number
  p99Milliseconds: number
}

export type LoadAnswer =
  | { done: 'prepare' | 'repeat' }
  | { done: 'measure'; measurement: Measurement }
  | { failed: string }
