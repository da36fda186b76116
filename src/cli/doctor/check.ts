import type { Desk } from '../desk.ts'
import type { Invocation } from '../invocation.ts'

/** `note` says what somebody has to know; `skipped` could not be looked at because of what failed before. */
export type Outcome = 'ok' | 'note' | 'warning' | 'failed' | 'skipped'

export interface Finding {
  outcome: Outcome
  /** What was found, in a sentence. */
  found: string
  /** What to do about it. */
  mend?: string
}

export interface Check {
  name: string
  look(desk: Desk, invocation: Invocation): Promise<Finding>
  /** When this fails, the checks after it cannot tell anything. */
  carries?: boolean
}
