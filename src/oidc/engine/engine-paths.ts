/**
 * Decides which paths reach the engine. Its router also accepts `/AUTH` and `/auth/` for `/auth`. The checks before it
 * (refused methods, forms of other sites, resumed sign-ins) compare paths exactly.
 */

/** A path that ends in an id of the engine, which may have capital letters. */
const step = /^\/(?:auth|device)\/[\w-]{21,64}$/

export const isSpelledExactly = (path: string): boolean =>
  step.test(path) || (path === path.toLowerCase() && !path.endsWith('/'))

/** Pages of the engine. A link preview (HEAD) must not start or end a session there. */
export const isBrowserPath = (path: string): boolean =>
  /^\/(?:auth|session\/end|device)(?:\/|$)/.test(path) && path !== '/device/auth'
