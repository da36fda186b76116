/**
 * Which paths the engine may see. Its router also takes `/AUTH` and `/auth/` for `/auth`, but everything that stands
 * before it (refused methods, forms of other sites, the way back from a sign-in) compares paths exactly.
 */

/** A step that is named by an id of the engine's making, which has capitals. */
const step = /^\/(?:auth|device)\/[\w-]{21,64}$/

export const isSpelledExactly = (path: string): boolean =>
  step.test(path) || (path === path.toLowerCase() && !path.endsWith('/'))

/** Pages of the engine. A link preview (HEAD) must not start or end a session there. */
export const isBrowserPath = (path: string): boolean =>
  /^\/(?:auth|session\/end|device)(?:\/|$)/.test(path) && path !== '/device/auth'
