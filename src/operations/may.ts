/**
 * The law of rights: one pure function, asked before every operation at every face. The host's user may do everything,
 * since that user can read the database and the key-encryption key. Nobody else holds rights yet.
 */
import { type Actor, actorName } from './actor.ts'
import type { Operation } from './operation.ts'

/** What the law needs to know of an operation. */
export type Governed = Pick<Operation<unknown, unknown>, 'name' | 'right' | 'risk'>

export type Verdict = { allowed: true } | { allowed: false; why: string }

export function may(actor: Actor, { name, right }: Governed): Verdict {
  if (actor.kind === 'host') return { allowed: true }
  return { allowed: false, why: `${actorName(actor)} does not hold the right ${right}, which ${name} needs.` }
}
