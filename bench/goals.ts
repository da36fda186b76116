/** What is compared with what, and what Claviger is held to. */
import type { ContenderName } from './contenders/contender.ts'
import type { FlowName } from './flows/catalogue.ts'

export interface Match {
  contenders: ContenderName[]
  /** The ratio is taken to this one. */
  yardstick: ContenderName
  /** Least ratio of Claviger's rate to the yardstick's; none: only reported. */
  goal: number | undefined
}

const documents: Match = { contenders: ['koa', 'memory', 'claviger'], yardstick: 'koa', goal: 0.9 }
const people: Match = { contenders: ['memory', 'plain', 'claviger'], yardstick: 'plain', goal: 1.2 }

export const matches: Record<FlowName, Match> = {
  jwks: documents,
  discovery: documents,
  'client-credentials': { contenders: ['memory', 'plain', 'claviger'], yardstick: 'memory', goal: 0.9 },
  refresh: people,
  session: people,
  'refresh-bound': { ...people, goal: undefined },
  'session-bound': { ...people, goal: undefined },
  // Claviger hashes the password here, the yardsticks do not.
  password: { ...people, goal: undefined },
}

export const coldStartGoalMilliseconds = 1500
export const idleMemoryGoalMegabytes = 130
