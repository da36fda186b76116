/** A stand-in issuer and verifiers of its tokens, put away together after each test. */
import { expect } from '@jest/globals'
import {
  createVerifier,
  type Requirements,
  type Verdict,
  type Verifier,
  type VerifierEvent,
  type VerifierOptions,
} from '../../packages/verifier/src/verifier.ts'
import { eventually } from '../harness/eventually.ts'
import { audience, credentials, StandInIssuer } from './stand-in-issuer.ts'
import { type TestClock, testClock } from './test-clock.ts'

export interface Stage {
  clock: TestClock
  issuer: StandInIssuer
  events: VerifierEvent[]
  /** Follows the feed unless told otherwise. */
  verifier(options?: Partial<VerifierOptions>): Promise<Verifier>
  close(): Promise<void>
}

export async function openStage(): Promise<Stage> {
  const clock = testClock()
  const issuer = await StandInIssuer.start(clock)
  const events: VerifierEvent[] = []
  const made: Verifier[] = []
  return {
    clock,
    issuer,
    events,
    async verifier(options = {}) {
      const revocation = { auth: credentials, pinnedFeedKeys: [issuer.feedKey.kid], ...options.revocation }
      const verifier = await createVerifier({
        issuer: issuer.issuer,
        audience,
        clock,
        onEvent: (event) => events.push(event),
        ...options,
        ...('revocation' in options && options.revocation === undefined ? {} : { revocation }),
      })
      made.push(verifier)
      return verifier
    },
    async close() {
      await Promise.all(made.map((verifier) => verifier.close()))
      await issuer.stop()
    },
  }
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

export const judge = (verifier: Verifier, token: string, requirements?: Requirements): Promise<Verdict> =>
  verifier.verify(bearer(token), requirements)

/** `accepted`, or why not. */
export async function outcome(verifier: Verifier, token: string, requirements?: Requirements): Promise<string> {
  const verdict = await judge(verifier, token, requirements)
  return verdict.ok ? 'accepted' : verdict.reason
}

/** Waits, boundedly, until it is so. */
export async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  expect(await eventually(async () => (await look()) || undefined, { tries: 500, pauseMs: 20 })).toBe(true)
}
