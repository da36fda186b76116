import type { Desk } from '../desk.ts'
import type { Invocation } from '../invocation.ts'

/** `note` is information for the operator. `skipped` did not run because an earlier check failed. */
export type Outcome = 'ok' | 'note' | 'warning' | 'failed' | 'skipped'

export interface Finding {
  outcome: Outcome
  /** The finding, in a sentence. */
  found: string
  /** How to fix it. */
  mend?: string
}

export interface Check {
  name: string
  look(desk: Desk, invocation: Invocation): Promise<Finding>
  /** If this check fails, later checks are skipped. */
  carries?: boolean
}
