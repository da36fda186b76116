/**
 * After a correct password, one page may ask whether to sign another person out.
 * The ticket in its form carries the proof, so that the password is entered only once.
 * It is valid for this sign-in only and expires after five minutes.
 */
import { createSeal, type SealNeeds } from '../bodies/seal.ts'

export interface Proof {
  uid: string
  accountId: string
  /** The account that will be signed out. */
  switchFrom: string
  amr: readonly string[]
  acr: string
  remember: boolean
}

export interface ProofTickets {
  issue(proof: Proof): string
  /** @returns the proof; undefined when the ticket is forged, expired or of another sign-in */
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
