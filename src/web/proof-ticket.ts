/**
 * Between "the password was right" and "yes, sign the other person out" lies one
 * page. The ticket in its form carries what was proved, for this sign-in only
 * and for minutes, so that nobody types a password twice.
 */
import { createSeal, type SealNeeds } from './seal.ts'

export interface Proof {
  uid: string
  accountId: string
  /** Who has to leave for it. */
  switchFrom: string
  amr: readonly string[]
  acr: string
  remember: boolean
}

export interface ProofTickets {
  issue(proof: Proof): string
  /** What was proved; undefined when it is not ours, of another sign-in, or too old. */
  read(ticket: string | undefined, uid: string): Proof | undefined
}

const lifetimeSeconds = 300

export function createProofTickets(needs: SealNeeds): ProofTickets {
  const tickets = createSeal('proof ticket', lifetimeSeconds, needs)
  return {
    issue: (proof) => tickets.seal(proof),
    read(ticket, uid) {
      const proof = tickets.open(ticket) as Proof | undefined
      return proof?.uid === uid ? proof : undefined
    },
  }
}
