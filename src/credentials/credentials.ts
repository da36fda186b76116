/**
 * credentials holds what proves that a person is who they say: today a
 * password, later passkeys and one-time codes. It also slows guessing down and
 * knows browsers again. Who the person is lives in `accounts`; sessions begin in
 * `oidc`, which is told of a sign-in by `web`.
 *
 * Front door: `sign-in.ts` (prove), `new-password.ts` (choose), `attempt-throttle.ts`
 * (slow down), `known-browser.ts` (know again), `password-hasher.ts` (hash, bounded),
 * `people-import.ts` (take over people and hashes of another program).
 */

/** How a person proved themselves, as tokens say it: RFC 8176 values for `amr`. */
export const passwordAmr: readonly string[] = ['pwd']

/** `acr` of a sign-in by password alone. */
export const passwordAcr = 'urn:claviger:acr:password'
