/**
 * Between "the password was right" and "yes, sign the other person out" lies one
 * page. The ticket in its form carries what was proved, for this sign-in only
 * and for minutes, so that nobody types a password twice.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

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

const lifetimeMilliseconds = 300_000

/** @param key at least 32 bytes */
export function createProofTickets({ key, now }: { key: Uint8Array; now(): Date }): ProofTickets {
  const mac = (content: string) => createHmac('sha256', key).update(`claviger proof ticket ${content}`).digest()
  return {
    issue(proof) {
      const content = Buffer.from(JSON.stringify({ ...proof, until: Number(now()) + lifetimeMilliseconds })).toString(
        'base64url',
      )
      return `${content}.${mac(content).toString('base64url')}`
    },
    read(ticket, uid) {
      const [content = '', seal = '', ...more] = (ticket ?? '').split('.')
      const given = Buffer.from(seal, 'base64url')
      const right = mac(content)
      if (more.length > 0 || given.length !== right.length || !timingSafeEqual(given, right)) return undefined
      const { until, ...proof } = JSON.parse(Buffer.from(content, 'base64url').toString('utf8')) as Proof & {
        until: number
      }
      return proof.uid === uid && until > Number(now()) ? proof : undefined
    },
  }
}
