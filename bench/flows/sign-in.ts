/** The steps of authorization code + PKCE that the flows are put together from. */
import { createHash, randomBytes } from 'node:crypto'
import { type Browser, findForm } from '../browser.ts'
import type { Answer } from '../http-connection.ts'
import type { AppClient, Person } from '../target.ts'
import { expectStatus, type Visitor } from './flow.ts'

export interface Tokens {
  access_token: string
  refresh_token: string
  id_token: string
}

/** What one app sends in every authorization request; made once, since only the server is measured. */
export interface AppRequest {
  app: AppClient
  authorizationUrl: string
  /** The token request up to the code. */
  tokenBody: string
}

export function newAppRequest({ target }: Visitor, app: AppClient): AppRequest {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: app.redirectUri,
    scope: app.scope,
    state: 'bench',
    nonce: 'bench',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: app.clientId,
    redirect_uri: app.redirectUri,
    code_verifier: verifier,
  })
  return { app, authorizationUrl: `${target.endpoints.authorization}?${query}`, tokenBody: body.toString() }
}

/** Follows redirects inside the provider until a page or the app is reached. */
async function follow(
  browser: Browser,
  app: AppClient,
  answer: Answer,
  from: string,
): Promise<{ answer: Answer; url: string }> {
  let url = from
  for (let hops = 0; answer.status >= 300 && answer.status < 400; hops++) {
    url = answer.header('location') ?? ''
    if (url.startsWith(app.redirectUri)) break
    if (hops === 6 || !url) throw new Error(`redirected without end, last to "${url}"`)
    answer = await browser.get(url)
  }
  return { answer, url }
}

/** The code out of the redirect to the app. */
function readCode(url: string, app: AppClient): string {
  const code = url.startsWith(app.redirectUri) ? new URL(url).searchParams.get('code') : null
  if (!code) throw new Error(`no code in the redirect to ${url}`)
  return code
}

/** GET of the authorization endpoint, the login page, the form, and back to the app. */
export async function signInByPassword(browser: Browser, request: AppRequest, person: Person): Promise<string> {
  const { app, authorizationUrl } = request
  let page = await follow(browser, app, await browser.get(authorizationUrl), authorizationUrl)
  const login = findForm(expectStatus(page.answer, 'login page', 200).text(), 'name="?password"?', page.url)
  if (!login) throw new Error(`no form with a password field on the page: ${page.answer.text().slice(0, 400)}`)
  login.fields.set('login', person.login)
  login.fields.set('password', person.password)
  const posted = expectStatus(await browser.post(login.action, login.fields), 'sign-in', 302, 303)
  page = await follow(browser, app, posted, login.action)
  const consent = page.answer.status === 200 ? findForm(page.answer.text(), 'id="?allow"?', page.url) : undefined
  if (consent) page = await follow(browser, app, await browser.post(consent.action, consent.fields), consent.action)
  expectStatus(page.answer, 'after sign-in', 302, 303)
  return readCode(page.url, app)
}

/** GET of the authorization endpoint with a live session: one redirect, straight to the app. */
export async function signInBySession(browser: Browser, { app, authorizationUrl }: AppRequest): Promise<string> {
  const answer = expectStatus(await browser.get(authorizationUrl), 'authorization', 302, 303)
  return readCode(answer.header('location') ?? '', app)
}

/** Turns a code into tokens. */
export async function redeem({ http, target }: Visitor, request: AppRequest, code: string): Promise<Answer> {
  return expectStatus(
    await http.postForm(target.endpoints.token, `${request.tokenBody}&code=${code}`),
    'code exchange',
    200,
  )
}

/** The refresh token of an answer; a cheap look, since the load generator shares the machine. */
export function readRefreshToken(answer: Answer): string {
  const token = /"refresh_token":"([^"]+)"/.exec(answer.text())?.[1]
  if (!token) throw new Error(`no refresh token in ${answer.text().slice(0, 200)}`)
  return token
}
