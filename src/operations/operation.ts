/** What an operation is: one act that changes state, described so that every face can offer it. */
import type { z } from 'zod'
import type { EventKind } from '../events/event-kinds.ts'
import type { Actor } from './actor.ts'
import type { Right } from './rights.ts'
import type { Stores } from './stores.ts'

/** `high` cannot be undone or touches everybody; `medium` ends or changes what one person or app holds. */
export type Risk = 'low' | 'medium' | 'high'

/** What an operation acts on, as the law of rights and the audit log name it. */
export interface Target {
  account?: string
  client?: string
}

/** What an operation would touch, counted without a write: `{ sessions: 2 }`. */
export type Plan = Readonly<Record<string, number>>

/** The one audit entry of an act. `perform` adds the actor and the target. */
export interface Entry {
  kind: EventKind
  accountId?: string
  clientId?: string
  /** Plain values, no secrets. */
  detail?: Record<string, unknown>
}

/** What `run` gives back: the answer to the caller, and the entry that stands in the audit log for it. */
export interface Done<Output> {
  output: Output
  entry: Entry
}

export interface Operation<Input, Output> {
  /** `people.disable`: noun and verb, stable once released. */
  readonly name: `${string}.${string}`
  /** The right that the actor must hold. */
  readonly right: Right
  readonly risk: Risk
  /** The operation that takes it back, where there is one. */
  readonly undo?: string
  /** The kinds of audit entries it may write. */
  readonly records: readonly EventKind[]
  /** What it takes. `perform` refuses anything else before a store is touched. */
  readonly input: z.ZodType<Input>
  target(input: Input): Target
  /** Counts what it would touch. Reads only. */
  plan(stores: Stores, input: Input): Promise<Plan>
  /** Checks and changes, through stores of one transaction. @throws Failure as the stores do; nothing is changed then */
  run(stores: Stores, input: Input, by: Actor): Promise<Done<Output>>
}

/** Declares an operation; the types of input and output follow from it. */
export const operation = <Input, Output>(definition: Operation<Input, Output>): Operation<Input, Output> =>
  Object.freeze(definition)

/** For operations that touch nothing but their target. */
export const touchesNothingElse = async (): Promise<Plan> => ({})
