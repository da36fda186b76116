/**
 * operations holds every operation that changes people, apps, APIs, sessions, tokens and streams: one a file, in a folder
 * named after its noun. `perform` checks the input, calls the law of rights, and runs the operation in one transaction
 * with its one audit entry: if the entry cannot be written, nothing is changed. Command line, admin API, console and files
 * only translate to and from it.
 *
 * `catalogue.ts` lists the operations, `operation.ts` defines their type, `may.ts` is the law, and `stores.ts` lists the
 * stores that they use.
 */

import { Failure } from '../errors/failure.ts'
import type { AuditEntry } from '../events/events.ts'
import { type Actor, actorName } from './actor.ts'
import { type Governed, may } from './may.ts'
import type { Operation, Plan } from './operation.ts'
import type { Stores } from './stores.ts'

export interface PerformNeeds {
  /** Stores outside any transaction, for plans. */
  stores: Stores
  /** Runs `work` in one transaction and writes its entry in the same transaction. */
  transaction<Output>(work: (stores: Stores) => Promise<{ output: Output; entry: AuditEntry }>): Promise<Output>
}

/**
 * @throws Failure `input_invalid` (invalid) that names every fault, `right_missing` (denied), and those of the operation.
 * In all these cases nothing is changed.
 */
export async function perform<Input, Output>(
  needs: PerformNeeds,
  operation: Operation<Input, Output>,
  input: unknown,
  by: Actor,
): Promise<Output> {
  const checked = checkedInput(operation, input)
  refuseWithoutRight(operation, by)
  return needs.transaction(async (stores) => {
    const { output, entry } = await operation.run(stores, checked, by)
    const { account, client } = operation.target(checked)
    return { output, entry: { accountId: account, clientId: client, ...entry, actor: actorName(by) } }
  })
}

/** What the operation would affect. Writes nothing. @throws Failure `input_invalid`, `right_missing` */
export async function planOf<Input>(
  needs: PerformNeeds,
  operation: Operation<Input, unknown>,
  input: unknown,
  by: Actor,
): Promise<Plan> {
  const checked = checkedInput(operation, input)
  refuseWithoutRight(operation, by)
  return operation.plan(needs.stores, checked)
}

function checkedInput<Input>({ name, input: schema }: Operation<Input, unknown>, input: unknown): Input {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const faults = result.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`)
  throw new Failure('input_invalid', 'invalid', `${name} cannot be done. ${faults.join('; ')}.`, { detail: { faults } })
}

function refuseWithoutRight(operation: Governed, by: Actor): void {
  const verdict = may(by, operation)
  if (!verdict.allowed) throw new Failure('right_missing', 'denied', verdict.why)
}
