/** An operation: one change of state, described so that command line and admin API can offer it. */
import type { z } from 'zod'
import type { EventKind } from '../events/event-kinds.ts'
import type { Actor } from './actor.ts'
import type { Stores } from './stores.ts'

/** The rights that operations require; each is a scope `claviger:<right>` of the admin API. */
export const rights = [
  'people.read',
  'people.write',
  'people.remove',
  'people.recover',
  'clients.write',
  'clients.secrets',
  'apis.write',
  'sessions.end',
  'tokens.revoke',
  'streams.write',
  'admins.write',
] as const

export type Right = (typeof rights)[number]

/** `high` cannot be undone or affects every person; `medium` changes or ends what one person or app holds. */
export type Risk = 'low' | 'medium' | 'high'

/** What an operation acts on, as the law of rights and the audit log name it. */
export interface Target {
  account?: string
  client?: string
}

/** What an operation would affect, counted without a write: `{ sessions: 2 }`. */
export type Plan = Readonly<Record<string, number>>

/** The one audit entry of an operation. `perform` adds the actor and the target. */
export interface Entry {
  kind: EventKind
  accountId?: string
  clientId?: string
  /** Plain values, no secrets. */
  detail?: Record<string, unknown>
}

/** The result of `run`: the output for the caller, and the audit entry. */
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
  /** The operation that undoes it, if one exists. */
  readonly undo?: string
  /** The kinds of audit entries it may write. */
  readonly records: readonly EventKind[]
  /** The schema of its input. `perform` refuses any other input before it uses a store. */
  readonly input: z.ZodType<Input>
  target(input: Input): Target
  /** Counts what the operation would affect. Reads only. */
  plan(stores: Stores, input: Input): Promise<Plan>
  /** Checks and changes state through stores of one transaction. @throws Failure of a store; nothing is changed then */
  run(stores: Stores, input: Input, by: Actor): Promise<Done<Output>>
}

/** Declares an operation and infers the types of its input and output. */
export const operation = <Input, Output>(definition: Operation<Input, Output>): Operation<Input, Output> =>
  Object.freeze(definition)

/** The plan of operations that affect their target only. */
export const touchesNothingElse = async (): Promise<Plan> => ({})
