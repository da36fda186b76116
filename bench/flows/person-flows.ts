/** The flows of a person at an app. */
import type { AppClient, Target } from '../target.ts'
import { expectStatus, type Flow, newBrowser } from './flow.ts'
import { newAppRequest, readRefreshToken, redeem, signInByPassword, signInBySession } from './sign-in.ts'

/** Each visitor spends the refresh token that its last step brought. */
const refreshAs =
  (choose: (target: Target) => AppClient): Flow =>
  async (visitor) => {
    const { http, target, person } = visitor
    const app = choose(target)
    const request = newAppRequest(visitor, app)
    const code = await signInByPassword(newBrowser(visitor), request, person)
    let token = readRefreshToken(await redeem(visitor, request, code))
    const start = `grant_type=refresh_token&client_id=${encodeURIComponent(app.clientId)}&refresh_token=`
    return async () => {
      const answer = expectStatus(await http.postForm(target.endpoints.token, start + token), 'refresh', 200)
      const next = readRefreshToken(answer)
      if (next === token) throw new Error('the refresh token was not rotated')
      token = next
    }
  }

/** Each visitor keeps one browser session and fetches a code and tokens with it. */
const sessionAs =
  (choose: (target: Target) => AppClient): Flow =>
  async (visitor) => {
    const browser = newBrowser(visitor)
    const request = newAppRequest(visitor, choose(visitor.target))
    await redeem(visitor, request, await signInByPassword(browser, request, visitor.person))
    return async () => {
      readRefreshToken(await redeem(visitor, request, await signInBySession(browser, request)))
    }
  }

export const refresh = refreshAs((target) => target.app)
export const refreshBound = refreshAs((target) => target.boundApp)
export const session = sessionAs((target) => target.app)
export const sessionBound = sessionAs((target) => target.boundApp)

/** A new browser each time: login page, form, code, tokens. */
export const password: Flow = async (visitor) => {
  const request = newAppRequest(visitor, visitor.target.app)
  return async () => {
    readRefreshToken(
      await redeem(visitor, request, await signInByPassword(newBrowser(visitor), request, visitor.person)),
    )
  }
}
