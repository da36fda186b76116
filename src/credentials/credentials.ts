/**
 * credentials checks a person's proof of identity: today a password, later passkeys and one-time codes. It also slows
 * guessing down and recognises known browsers. `accounts` stores the person. Sessions begin in `oidc`, to which `web`
 * reports a sign-in.
 *
 * Front door: `sign-in.ts` (check), `new-password.ts` (choose), `attempt-throttle.ts` (slow down), `known-browser.ts`
 * (recognise), `password-hasher.ts` (hash, bounded), `people-import.ts` (import people and hashes of another program).
 */

/** The `amr` of a sign-in by password (RFC 8176). */
export const passwordAmr: readonly string[] = ['pwd']

/** `acr` of a sign-in by password alone. */
export const passwordAcr = 'urn:claviger:acr:password'
