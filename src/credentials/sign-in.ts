import type { Account } from '../accounts/account.ts'
import { Failure } from '../errors/failure.ts'
import type { Admission } from './attempt-store.ts'
import type { Attempt, AttemptThrottle } from './attempt-throttle.ts'
import { passwordAcr, passwordAmr } from './credentials.ts'
import type { KnownBrowsers } from './known-browser.ts'
import type { PasswordHasher, PasswordVerdict } from './password-hasher.ts'
import type { AccountWithHash, PasswordStore } from './password-store.ts'

export interface SignInAttempt {
  login: string
  password: string
  /** The client's address, as far as it is trusted. */
  source: string
  /** The device cookie, unchecked. */
  knownBrowser?: string | undefined
  requestId?: string | undefined
  clientId?: string | undefined
}

export type SignIn =
  | { outcome: 'signed-in'; account: Account; amr: readonly string[]; acr: string }
  /** For any reason. `retryAfterSeconds` is set when the next attempt has to wait. */
  | { outcome: 'rejected'; retryAfterSeconds?: number }

/** `unreadable-hash`: the stored hash cannot be verified, so no password matches until a new one is set. */
export type RejectionReason =
  | 'throttled'
  | 'unknown'
  | 'disabled'
  | 'no-password'
  | 'unreadable-hash'
  | 'wrong-password'

interface About {
  source: string
  requestId?: string | undefined
  clientId?: string | undefined
}

/**
 * Events for the audit log, the counters and the log. They never contain the typed name, because people type passwords
 * as names.
 */
export interface SignInEvents {
  succeeded(about: About & { accountId: string; amr: readonly string[] }): void
  rejected(about: About & { accountId: string | undefined; reason: RejectionReason }): void
}

export interface SignInNeeds {
  passwords: Pick<PasswordStore, 'findByLogin' | 'rehash'>
  hasher: Pick<PasswordHasher, 'check' | 'hash' | 'needsRehash'>
  throttle: Pick<AttemptThrottle, 'reserve' | 'succeeded' | 'failed' | 'withdrawn'>
  knownBrowsers: Pick<KnownBrowsers, 'verify'>
  events: SignInEvents
}

/** The results of the steps so far. */
interface Progress {
  readonly attempt: SignInAttempt
  person: AccountWithHash | undefined
  counted: Attempt
  admission: Admission | undefined
}

type Step = (needs: SignInNeeds, progress: Progress) => Promise<SignIn | undefined>

/** The steps in order. An attempt passes the same steps with and without such an account. */
export const signInSteps: readonly Step[] = [
  findPerson,
  reserveAttempt,
  checkPassword,
  forgetFailures,
  renewHash,
  welcome,
]

/**
 * Signs a person in by password. Every rejection looks the same from outside, in content and in work.
 * @throws Failure `hashing_busy` (unavailable); then the attempt does not count.
 */
export async function signIn(needs: SignInNeeds, attempt: SignInAttempt): Promise<SignIn> {
  const counted: Attempt = { login: attempt.login, source: attempt.source, browserId: undefined }
  const progress: Progress = { attempt, person: undefined, counted, admission: undefined }
  for (const step of signInSteps) {
    const outcome = await step(needs, progress)
    if (outcome) return outcome
  }
  throw new TypeError('the last step of a sign-in ends it')
}

async function findPerson({ passwords, knownBrowsers }: SignInNeeds, progress: Progress): Promise<undefined> {
  const { login, knownBrowser } = progress.attempt
  progress.person = await passwords.findByLogin(login)
  if (!progress.person) return
  progress.counted.browserId = knownBrowsers.verify(knownBrowser, progress.person.account.id)
}

async function reserveAttempt(needs: SignInNeeds, progress: Progress): Promise<SignIn | undefined> {
  const admission = await needs.throttle.reserve(progress.counted)
  progress.admission = admission
  return admission.admitted ? undefined : reject(needs, progress, 'throttled', admission.retryAfterSeconds)
}

async function checkPassword(needs: SignInNeeds, progress: Progress): Promise<SignIn | undefined> {
  const { person, attempt, admission } = progress
  // Hash even when no account matches, so that the answer takes the same time.
  const verdict = await checked(needs, progress, person?.hash, attempt.password)
  if (verdict === 'match' && person && !person.account.disabledAt) return undefined
  needs.throttle.failed(progress.counted)
  const wait = admission?.admitted && admission.nextAfterSeconds > 0 ? admission.nextAfterSeconds : undefined
  return reject(needs, progress, reasonFor(person, verdict), wait)
}

async function checked(
  needs: SignInNeeds,
  progress: Progress,
  hash: string | undefined,
  password: string,
): Promise<PasswordVerdict> {
  try {
    return await needs.hasher.check(hash, password)
  } catch (error) {
    // The password was not checked, so the attempt does not count.
    await needs.throttle.withdrawn(progress.counted)
    throw error
  }
}

async function forgetFailures({ throttle }: SignInNeeds, { counted }: Progress): Promise<undefined> {
  await throttle.succeeded(counted)
}

/** Stores the password under today's parameters. Only now is the password available. */
async function renewHash({ hasher, passwords }: SignInNeeds, { person, attempt }: Progress): Promise<undefined> {
  if (!person?.hash || !hasher.needsRehash(person.hash)) return
  try {
    await passwords.rehash(person.account.id, person.hash, await hasher.hash(attempt.password))
  } catch (error) {
    if (!(error instanceof Failure && error.kind === 'unavailable')) throw error
    // Too busy: the next sign-in renews the hash.
  }
}

async function welcome({ events }: SignInNeeds, { person, attempt }: Progress): Promise<SignIn | undefined> {
  if (!person) return undefined
  events.succeeded({ ...about(attempt), accountId: person.account.id, amr: passwordAmr })
  return { outcome: 'signed-in', account: person.account, amr: passwordAmr, acr: passwordAcr }
}

function reject(
  needs: SignInNeeds,
  { person, attempt }: Progress,
  reason: RejectionReason,
  retryAfterSeconds?: number,
): SignIn {
  needs.events.rejected({ ...about(attempt), accountId: person?.account.id, reason })
  return retryAfterSeconds === undefined ? { outcome: 'rejected' } : { outcome: 'rejected', retryAfterSeconds }
}

function reasonFor(person: AccountWithHash | undefined, verdict: PasswordVerdict): RejectionReason {
  if (!person) return 'unknown'
  if (person.account.disabledAt) return 'disabled'
  if (person.hash === undefined) return 'no-password'
  return verdict === 'unreadable' ? 'unreadable-hash' : 'wrong-password'
}

const about = ({ source, requestId, clientId }: SignInAttempt): About => ({ source, requestId, clientId })
