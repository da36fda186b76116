/**
 * Signing in and staying signed in, by oidc-client-ts: authorization code with PKCE, then a refresh token that changes
 * with every use. No frame, no third-party cookie.
 *
 * Tokens rest in sessionStorage: they outlive a reload, not the tab, and each tab has its own refresh token, so two
 * tabs never race for one. Whoever can run a script in this page can read them; the content policy keeps others out.
 */
import { UserManager, WebStorageStateStore } from 'oidc-client-ts'

/** @param {{ issuer: string, client_id: string, scope: string }} config */
export const newSession = ({ issuer, client_id, scope }) =>
  new UserManager({
    authority: issuer,
    client_id,
    scope,
    redirect_uri: `${location.origin}/callback`,
    post_logout_redirect_uri: `${location.origin}/`,
    automaticSilentRenew: true,
    userStore: new WebStorageStateStore({ store: sessionStorage }),
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
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
