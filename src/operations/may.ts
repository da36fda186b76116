/**
 * The law of rights: one pure function, called before every operation. The host's user may perform every operation,
 * since that user can read the database and the key-encryption key. No account and no client holds rights yet.
 */
import { type Actor, actorName } from './actor.ts'
import type { Operation } from './operation.ts'

/** The part of an operation that the law reads. */
export type Governed = Pick<Operation<unknown, unknown>, 'name' | 'right' | 'risk'>

export type Verdict = { allowed: true } | { allowed: false; why: string }

export function may(actor: Actor, { name, right }: Governed): Verdict {
  if (actor.kind === 'host') return { allowed: true }
  return { allowed: false, why: `${actorName(actor)} does not hold the right ${right}, which ${name} needs.` }
}
