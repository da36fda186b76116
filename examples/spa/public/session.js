/**
 * Signing in and staying signed in, by oidc-client-ts: authorization code with PKCE, then a refresh token that changes
 * with every use. No frame, no third-party cookie. Where that token rests is the one thing there is to choose.
 */
import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts'

/** @param {{ issuer: string, client_id: string, scope: string, refresh_delivery: 'body' | 'cookie' }} config */
export async function newSession({ issuer, client_id, scope, refresh_delivery }) {
  return new UserManager({
    authority: issuer,
    client_id,
    scope,
    redirect_uri: `${location.origin}/callback`,
    post_logout_redirect_uri: `${location.origin}/`,
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    ...(refresh_delivery === 'cookie' ? await inCookie(issuer) : inStorage),
  })
}

/**
 * In sessionStorage with the rest: it outlives a reload, not the tab, and each tab has its own, so two tabs never race
 * for one. Whoever can run a script in this page can read it; the content policy keeps others out.
 */
const inStorage = {
  automaticSilentRenew: true,
  userStore: new WebStorageStateStore({ store: sessionStorage }),
}

/**
 * In an HttpOnly cookie of the provider, which no script can read; the access token in memory. A reload or another tab
 * starts from the cookie (cookie-renewal.js). Needs an app on the site of its provider.
 */
const inCookie = async (issuer) => ({
  automaticSilentRenew: false,
  userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
  // The exchange of the code must bring the cookie home …
  fetchRequestCredentials: 'include',
  // … and the library would fetch this document the same way, which its answer to everybody does not allow.
  metadata: await (await fetch(`${issuer}/.well-known/openid-configuration`)).json(),
})

/**
 * Takes the answer that the address bar holds after signing in, if there is one, and clears it from there.
 * @param {UserManager} session
 * @returns {Promise<string | undefined>} a sentence for the person when signing in did not work
 */
export async function takeCallback(session) {
  if (location.pathname !== '/callback') return undefined
  const answer = location.href
  history.replaceState(undefined, '', '/')
  try {
    await session.signinCallback(answer)
    return undefined
  } catch (error) {
    if (error.error === 'access_denied') return 'You did not let this app in. Nothing was shared with it.'
    // The page was reloaded, or reached by the Back button: this answer has been used.
    if (!error.error) return 'That sign-in was already used or has expired. Please sign in again.'
    return `Signing in did not work: ${error.error_description ?? error.error}`
  }
}
