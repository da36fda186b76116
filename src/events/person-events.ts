/** Events of people in a browser: sign in, sign out, grant or deny consent. */
import { type SignInResult, signInResults } from './metrics.ts'
import { type About, actorOf, type EventNeeds, type RecordEvent, whereOf } from './record.ts'

export interface PersonEvents {
  signInSucceeded(about: About & { accountId: string; amr: readonly string[] }): void
  /** Never receives the typed name: people type passwords into the name field. */
  signInRejected(about: About & { reason: string }): void
  signedOut(about: About): void
  /** Ended by the person, an administrator or a rule. `session` is the uid, which is no credential. */
  sessionEnded(about: About & { session: string; actor?: string | undefined; reason?: string | undefined }): void
  consentGranted(about: About & { accountId: string; clientId: string; scopes: readonly string[] }): void
  consentWithdrawn(about: About & { accountId: string; clientId: string }): void
  consentDenied(about: About & { accountId: string; clientId: string }): void
}

export function personEvents(record: RecordEvent, { metrics }: Pick<EventNeeds, 'metrics'>): PersonEvents {
  return {
    signInSucceeded(about) {
      metrics.signIn('succeeded')
      record({ kind: 'sign-in.succeeded', actor: actorOf(about), ...whereOf(about), detail: { amr: [...about.amr] } })
    },
    signInRejected(about) {
      metrics.signIn(resultOf(about.reason))
      const kind = about.reason === 'throttled' ? 'sign-in.throttled' : 'sign-in.rejected'
      // A rejected sign-in proves no identity, so the actor is anonymous.
      record({ kind, actor: 'anonymous', ...whereOf(about), detail: { reason: about.reason } })
    },
    signedOut: (about) => record({ kind: 'session.signed-out', actor: actorOf(about), ...whereOf(about) }),
    sessionEnded: (about) =>
      record({
        kind: 'session.ended',
        actor: about.actor ?? actorOf(about),
        ...whereOf(about),
        detail: { session: about.session, reason: about.reason },
      }),
    consentGranted: (about) =>
      record({
        kind: 'consent.granted',
        actor: actorOf(about),
        ...whereOf(about),
        detail: { scopes: [...about.scopes] },
      }),
    consentWithdrawn: (about) => record({ kind: 'consent.withdrawn', actor: actorOf(about), ...whereOf(about) }),
    consentDenied: (about) => record({ kind: 'consent.denied', actor: actorOf(about), ...whereOf(about) }),
  }
}

const resultOf = (reason: string): SignInResult =>
  (signInResults as readonly string[]).includes(reason) && reason !== 'succeeded' ? (reason as SignInResult) : 'other'
