/**
 * New tokens for a refresh token that no script ever sees: the browser sends the cookie along, and the answer replaces
 * it. oidc-client-ts renews by a token that it holds, so this request is ours; everything after it is the library's.
 */
import { jwtDecode } from 'jwt-decode'
import { ErrorResponse, User } from 'oidc-client-ts'

/**
 * @param {import('oidc-client-ts').UserManager} session
 * @throws {ErrorResponse} when there is no cookie, or its token has ended; TypeError when the provider cannot be reached
 */
export async function renewByCookie(session) {
  const { client_id } = session.settings
  const response = await fetch(await session.metadataService.getTokenEndpoint(false), {
    method: 'POST',
    credentials: 'include',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id }),
  })
  const answer = await response.json()
  if (!response.ok) throw new ErrorResponse(answer)
  const profile = jwtDecode(answer.id_token)
  const before = await session.getUser()
  // All tabs share the cookie, and in another one somebody else has signed in since.
  if (before && before.profile.sub !== profile.sub) throw new ErrorResponse({ error: 'login_required' })
  const user = new User({ ...answer, profile, expires_at: Math.floor(Date.now() / 1000) + answer.expires_in })
  await session.storeUser(user)
  await session.events.load(user)
}
