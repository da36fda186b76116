import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors/failure.ts'
import { ada, app, ben, csrf, interaction, live, openStage, type Reply, type Stage, signedInAs, uid } from '../stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

const page = `/interaction/${uid}`
const typed = (fields: Record<string, string> = {}) => ({
  csrf,
  login: 'ada@example.com',
  password: 'right',
  ...fields,
})
const submit = (fields?: Record<string, string>, headers?: Record<string, string>) =>
  stage.post(`${page}/login`, typed(fields), headers ? { headers } : {})
const valueIn = (reply: Reply, selector: string) => reply.document.querySelector(selector)?.getAttribute('value')
const resumed = (call: string) => `${stage.url}/auth/${uid}?${call}`
const lastLogin = () => stage.calls.at(-1)?.[2]

describe('Signing in', () => {
  test('a successful sign-in gives the engine the proof and redirects with 303', async () => {
    const reply = await submit({ remember: 'yes' })
    expect([reply.status, reply.headers.location]).toEqual([303, resumed('finishLogin')])
    expect(reply.headers['cache-control']).toBe('no-store')
    expect(lastLogin()).toEqual({
      accountId: 'acc_ada',
      amr: ['pwd'],
      acr: 'urn:claviger:acr:password',
      remember: true,
    })
  })
  test('a sign-in without the "Keep me signed in" tick is not remembered', async () => {
    await submit()
    expect(lastLogin()).toMatchObject({ remember: false })
  })
  test('a failed sign-in is answered with 422 and keeps the typed text, never the password', async () => {
    const reply = await submit({ password: 'hunter2-wrong', remember: 'yes' })
    expect([reply.status, reply.heading]).toEqual([422, 'Sign in'])
    expect(valueIn(reply, 'input[name=login]')).toBe('ada@example.com')
    expect(reply.document.querySelector('input[name=remember]')?.hasAttribute('checked')).toBe(true)
    expect(reply.text).not.toContain('hunter2')
    expect(stage.calls).toEqual([])
  })
  test('an unknown name, a wrong password and an empty form get the same page', async () => {
    const texts = await Promise.all(
      [
        ['nobody@example.com', 'x'],
        ['ada@example.com', 'x'],
        ['ada@example.com', ''],
        ['', ''],
      ].map(async ([login = '', password = '']) =>
        (await submit({ login, password })).text.replaceAll(/value="[^"]*"| autofocus/g, ''),
      ),
    )
    expect(new Set(texts).size).toBe(1)
  })
  test('too many attempts are answered with 429, the form, and the time in words and in Retry-After', async () => {
    stage.signIn = async () => ({ outcome: 'rejected', retryAfterSeconds: 29.2 })
    const reply = await submit()
    expect([reply.status, reply.headers['retry-after']]).toEqual([429, '30'])
    expect(reply.document.querySelector('[role=alert]')?.textContent).toContain('30 seconds')
    expect(valueIn(reply, 'input[name=login]')).toBe('ada@example.com')
  })
  test('a full hash queue is answered with 503 and the form', async () => {
    stage.signIn = async () => {
      throw new Failure('hashing_busy', 'unavailable', 'busy', { retryAfterSeconds: 1 })
    }
    const reply = await submit()
    expect([reply.status, reply.headers['retry-after'], reply.heading]).toEqual([503, '1', 'Sign in'])
    expect(valueIn(reply, 'input[name=login]')).toBe('ada@example.com')
  })
  test('a sign-in attempt has the source, the request id, the app and the browser cookie', async () => {
    let told: unknown
    stage.signIn = async (attempt) => {
      told = attempt
      return { outcome: 'rejected' }
    }
    const reply = await submit({}, { cookie: 'claviger_browser=known-one' })
    const requestId = reply.headers['x-request-id']
    expect(told).toEqual({
      login: 'ada@example.com',
      password: 'right',
      source: '127.0.0.1',
      knownBrowser: 'known-one',
      requestId,
      clientId: 'photo-album',
    })
  })
  test('a successful sign-in sets the cookie of a known browser', async () => {
    expect(String((await submit()).headers['set-cookie'])).toMatch(
      /claviger_browser=acc_ada-known; path=\/; expires=[^;]+; samesite=lax; httponly/,
    )
  })
  test('login_hint fills in the email address', async () => {
    stage.lookup = live({ loginHint: 'carol@example.com' })
    expect(valueIn(await stage.send(page), 'input[name=login]')).toBe('carol@example.com')
  })
  test('the cancel form returns to the app without a sign-in', async () => {
    const reply = await stage.post(`${page}/cancel`, { csrf })
    expect([reply.status, reply.headers.location]).toEqual([303, resumed('deny')])
  })
})

describe('With a session', () => {
  beforeEach(() => {
    stage.lookup = live({ session: signedInAs(ada) })
  })
  test('a signed-in person is asked whether to continue', async () => {
    const reply = await stage.send(page)
    expect([reply.status, reply.heading]).toEqual([200, 'Choose an account'])
    expect(reply.document.querySelector('#continue')?.textContent).toBe('Continue as Ada Lovelace')
    expect((await stage.post(`${page}/continue`, { csrf })).headers.location).toBe(resumed('continueSession'))
  })
  test('a sign-in with another account signs the first person out, as the page announces', async () => {
    const form = await stage.send(`${page}?another=1`)
    expect(form.text).toContain('ada@example.com is signed in in this browser and will be signed out.')
    const reply = await submit({
      login: 'ben@example.com',
      'switch-from': valueIn(form, 'input[name=switch-from]') ?? '',
    })
    expect(reply.status).toBe(303)
    expect(lastLogin()).toMatchObject({ accountId: 'acc_ben', switchFrom: 'acc_ada' })
  })
  test('a second person who signs in from another tab chooses the account to use', async () => {
    const choice = await submit({ login: 'ben@example.com', remember: 'yes' })
    expect([choice.status, choice.heading]).toEqual([200, 'Another person is signed in'])
    expect(stage.calls).toEqual([])
    const ticket = valueIn(choice, 'input[name=ticket]') ?? ''
    expect((await stage.post(`${page}/switch`, { csrf, ticket })).headers.location).toBe(resumed('finishLogin'))
    expect(lastLogin()).toMatchObject({ accountId: 'acc_ben', switchFrom: 'acc_ada', remember: true })
    expect((await stage.post(`${page}/continue`, { csrf })).headers.location).toBe(resumed('continueSession'))
  })
  test('a ticket that is forged or of another sign-in is refused', async () => {
    const ticket = valueIn(await submit({ login: 'ben@example.com' }), 'input[name=ticket]') ?? ''
    for (const forged of ['', 'x.y', `${ticket}x`, `e30.${ticket.split('.')[1]}`]) {
      expect((await stage.post(`${page}/switch`, { csrf, ticket: forged })).headers.location).toBe(
        `/interaction/${uid}`,
      )
    }
    expect(stage.calls).toEqual([])
  })
  test('the same person may sign in again in a second tab', async () => {
    expect((await submit()).status).toBe(303)
  })
  test.each(['login_prompt', 'max_age'])('the reason %s asks the signed-in person for the password', async (reason) => {
    stage.lookup = live({ reasons: [reason], session: signedInAs(ada) })
    const reply = await stage.send(page)
    expect(reply.heading).toBe('Sign in')
    expect(reply.text).toContain('Photo Album asks you to confirm that it is you.')
    expect(valueIn(reply, 'input[name=login]')).toBe('ada@example.com')
    expect(reply.document.querySelector('#another')).toBeTruthy()
  })
  test('a login_hint for another account shows the form for that account', async () => {
    stage.lookup = live({ reasons: ['login_prompt'], session: signedInAs(ada), loginHint: 'ben@example.com' })
    expect(valueIn(await stage.send(page), 'input[name=login]')).toBe('ben@example.com')
  })
  test('an app that needs another account gets the sign-in form at once', async () => {
    stage.lookup = live({ reasons: ['id_token_hint'], session: signedInAs(ada) })
    const reply = await stage.send(page)
    expect([reply.heading, valueIn(reply, 'input[name=switch-from]')]).toEqual(['Sign in', 'acc_ada'])
  })
  test('prompt=select_account shows the choice', async () => {
    stage.lookup = live({ reasons: ['select_account_prompt'], selectAccount: true, session: signedInAs(ada) })
    expect((await stage.send(page)).heading).toBe('Choose an account')
  })
  test('a session of a removed account gets the sign-in form', async () => {
    stage.lookup = live({ reasons: ['account_gone'], session: { accountId: 'acc_x', uid: 'u', remembered: false } })
    expect((await stage.send(page)).heading).toBe('Sign in')
  })
  test('the continue form leads to the sign-in form when the engine requires a fresh proof', async () => {
    stage.failure = new Failure('sign_in_needed', 'denied', 'Sign in to go on.')
    expect((await stage.post(`${page}/continue`, { csrf })).headers.location).toBe(`/interaction/${uid}`)
    stage.lookup = live({ reasons: ['max_age'], selectAccount: true, session: signedInAs(ada) })
    expect((await stage.send(page)).heading).toBe('Sign in')
  })
})

/** The title of each group, followed by its lines. */
const groupsOf = (reply: Reply): string[][] =>
  reply.document
    .querySelectorAll('.asked > li')
    .map((group) => group.querySelectorAll('strong, .words, ul > li').map((part) => part.text.trim()))

describe('Consent', () => {
  beforeEach(() => {
    const missing = {
      scopes: ['openid', 'email', 'offline_access', 'weird'],
      claims: ['birthdate', 'email'],
      apis: { 'https://api.example': ['read'] },
    }
    stage.lookup = live({ prompt: 'consent', session: signedInAs(ada), missing })
  })
  test('the consent page lists the requested access, the destination, the privacy policy and the terms', async () => {
    const reply = await stage.send(page)
    expect(reply.heading).toBe('Allow Photo Album?')
    expect(groupsOf(reply)).toEqual([
      ['Know who you are', 'email address, date of birth', 'weird'],
      ['Act for you at https://api.example', 'read'],
      ['Keep this access while you are away'],
    ])
    expect(reply.document.querySelector('.destination')?.textContent).toBe('photos.example')
    expect(reply.text).toContain('href="https://photos.example/privacy"')
    expect(reply.text).toContain('href="https://photos.example/terms"')
  })
  test('the consent page shows names of APIs and texts of scopes, or their codes without a text', async () => {
    const apis = { 'https://api.example': { name: 'Photo archive', scopeTexts: { read: 'See your albums' } } }
    const missing = { scopes: [], claims: [], apis: { 'https://api.example': ['read', 'write'] } }
    stage.lookup = live({ prompt: 'consent', session: signedInAs(ada), missing, apis })
    expect(groupsOf(await stage.send(page))).toEqual([['Act for you at Photo archive', 'See your albums', 'write']])
  })
  test('the consent page names the signed-in person and lets another person sign in', async () => {
    const asked = await stage.send(page)
    const [first, second] = asked.document.querySelectorAll('main > :not(.emblem)')
    expect([first?.rawTagName, second?.text]).toEqual(['h1', expect.stringContaining('Ada Lovelaceada@example.com')])
    expect(second?.querySelector('a')?.text).toBe('Not you?')
    const other = await stage.send(second?.querySelector('a')?.getAttribute('href') ?? '')
    expect([other.heading, valueIn(other, 'input[name=switch-from]')]).toEqual(['Sign in', 'acc_ada'])
  })
  test.each([
    ['allow', 'consentGranted', { scopes: ['openid', 'email', 'offline_access', 'weird', 'read'] }],
    ['deny', 'consentDenied', {}],
  ])('the consent answer %s is recorded with the person and the app', async (decision, event, more) => {
    await stage.post(`${page}/consent`, { csrf, decision })
    const about = { accountId: 'acc_ada', clientId: 'photo-album', requestId: expect.any(String), ...more }
    expect(stage.calls).toContainEqual([event, expect.objectContaining(about)])
  })
  test.each([
    ['allow', 'finishConsent'],
    ['deny', 'deny'],
  ])('the consent button %s redirects to the app', async (button, call) => {
    const pressed = (await stage.send(page)).document.querySelector(`#${button}`)
    expect(pressed?.getAttribute('name')).toBe('decision')
    const reply = await stage.post(`${page}/consent`, { csrf, decision: pressed?.getAttribute('value') ?? '' })
    expect([reply.status, reply.headers.location]).toEqual([303, resumed(call)])
  })
  test('a consent form without a decision is answered with 422 and the page', async () => {
    const reply = await stage.post(`${page}/consent`, { csrf })
    expect([reply.status, reply.heading]).toEqual([422, 'Allow Photo Album?'])
    expect(reply.document.querySelector('title')?.text).toBe('Error: Allow Photo Album? · Claviger')
  })
  test('links that are not web addresses are not shown', async () => {
    const client = {
      ...app,
      policyUri: 'javascript:alert(1)',
      tosUri: 'data:text/html,x',
      logoUri: 'javascript:alert(2)',
    }
    stage.lookup = live({ prompt: 'consent', session: signedInAs(ada), client })
    expect((await stage.send(page)).text).not.toMatch(/javascript:|data:text/)
  })
  test('the consent page leads to the app when no person is signed in', async () => {
    stage.lookup = live({ prompt: 'consent' })
    const reply = await stage.send(page)
    expect([reply.status, reply.document.querySelector('#continue')?.getAttribute('href')]).toEqual([
      410,
      'https://photos.example/',
    ])
  })
})

describe('Expired and answered interactions', () => {
  test.each(['GET', 'POST'])('%s of an expired interaction shows a page with one button to the app', async (method) => {
    stage.lookup = { state: 'gone', client: app }
    const reply = method === 'GET' ? await stage.send(page) : await submit()
    expect(reply.status).toBe(410)
    expect(reply.text).toContain('Photo Album')
    const buttons = reply.document.querySelectorAll('main a.button, main button')
    expect(buttons.map((button) => [button.textContent, button.getAttribute('href')])).toEqual([
      ['Sign in again', 'https://photos.example/'],
    ])
  })
  test('the page for an expired interaction asks for cookies only when the request had none', async () => {
    stage.lookup = { state: 'gone', client: app }
    const without = await stage.send(page)
    expect(without.document.querySelector('[role=alert]')?.text).toContain('needs cookies, and your browser sent none')
    const other = await stage.send(page, { headers: { cookie: 'other=1' } })
    expect([other.status, other.text.includes('needs cookies')]).toEqual([410, false])
  })
  test('an interaction of an unknown app shows a page with instructions', async () => {
    stage.lookup = { state: 'gone', client: undefined }
    for (const reply of [
      await stage.send(page),
      await submit(),
      await stage.post(page, {}),
      await stage.send(`${page}/login`),
    ]) {
      expect(reply.status).toBe(410)
      expect(reply.text).toContain('Go back to the app that you came from')
    }
  })
  test('an app whose start address is not a web address is named, not linked', async () => {
    stage.lookup = { state: 'gone', client: { ...app, startUri: 'javascript:alert(1)' } }
    const reply = await stage.send(page)
    expect(reply.text).not.toContain('javascript:')
    expect(reply.text).toContain('Go back to Photo Album and sign in from there.')
  })
  test('a second post of an answered interaction leads where the first one led, and a GET shows one button', async () => {
    stage.lookup = { state: 'finished', client: app, resumeUrl: `${stage.url}/auth?again` }
    const posted = await submit()
    expect([posted.status, posted.headers.location]).toEqual([303, `${stage.url}/auth?again`])
    const looked = await stage.send(page)
    expect([looked.status, looked.document.querySelector('#continue')?.textContent]).toEqual([
      200,
      'Continue to Photo Album',
    ])
  })
  test.each(['interaction_lost', 'interaction_gone'])(
    'a form that arrives after another tab finished (%s) leads where that tab led',
    async (code) => {
      let looks = 0
      stage.lookup = () =>
        looks++ === 0 ? live() : { state: 'finished', client: app, resumeUrl: `${stage.url}/auth?again` }
      stage.failure = new Failure(code, 'conflict', 'too late')
      expect((await submit()).headers.location).toBe(`${stage.url}/auth?again`)
    },
  )
  test('a form that arrives after another person signed in shows the choice of accounts', async () => {
    let looks = 0
    stage.lookup = () => (looks++ === 0 ? live() : live({ session: signedInAs(ben) }))
    stage.failure = new Failure('account_differs', 'conflict', 'Another person')
    const reply = await submit()
    expect([reply.status, reply.heading]).toEqual([200, 'Choose an account'])
  })
  test.each([
    '/interaction/',
    '/interaction',
    '/interaction/a/b/c',
    `${page}/nonsense`,
    '/interaction/..%2f..',
    `/interaction/${'a'.repeat(65)}`,
  ])('the path %s is not found', async (path) => {
    expect((await stage.send(path)).status).toBe(404)
  })
})

describe("Forms are accepted from the server's own pages only", () => {
  test.each<[string, Record<string, string>]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another site named by Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site', origin: '' }],
    ['another origin of the same site', { 'sec-fetch-site': 'same-site' }],
    ['a frame with the origin null', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['an older browser with the origin null', { origin: 'null', 'sec-fetch-site': '' }],
    ['the same host with another scheme', { origin: 'https://localhost' }],
  ])('a form from %s is refused with 403 and a page', async (_name, headers) => {
    for (const action of ['login', 'consent', 'continue', 'switch', 'cancel']) {
      const reply = await stage.post(`${page}/${action}`, typed({ decision: 'allow' }), { headers })
      expect([reply.status, reply.heading]).toEqual([403, 'This request cannot be completed'])
    }
    expect(stage.calls).toEqual([])
  })
  test('a form without the CSRF token is refused with a link to a new page', async () => {
    for (const token of ['', 'forged', `${csrf}x`]) {
      for (const action of ['login', 'consent', 'continue', 'switch', 'cancel']) {
        const reply = await stage.post(`${page}/${action}`, { ...typed({ decision: 'allow' }), csrf: token })
        expect(reply.status).toBe(403)
        expect(reply.document.querySelector('#retry')?.getAttribute('href')).toBe(`/interaction/${uid}`)
      }
    }
    expect(stage.calls).toEqual([])
  })
  test('a form from a browser without Origin and Sec-Fetch-Site is accepted with its CSRF token', async () => {
    expect(
      (
        await stage.send(`${page}/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams(typed()).toString(),
        })
      ).status,
    ).toBe(303)
  })
  test('a GET changes nothing, whatever its address', async () => {
    for (const action of ['login', 'consent', 'continue', 'switch', 'cancel']) {
      const reply = await stage.send(`${page}/${action}?csrf=${csrf}&decision=allow&login=ada&password=right`)
      expect([reply.status, reply.headers.location]).toEqual([303, `/interaction/${uid}`])
    }
    expect(stage.calls).toEqual([])
  })
  test.each(['/session/end/confirm', '/device'])(
    "the engine's form at %s is refused from another site",
    async (path) => {
      stage.engine = async (ctx) => {
        ctx.body = 'reached'
      }
      expect(
        (await stage.post(path, {}, { headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' } }))
          .status,
      ).toBe(403)
      expect((await stage.post(path, {})).text).toBe('reached')
    },
  )
  test('an app may post authorization requests from its own site', async () => {
    stage.engine = async (ctx) => {
      ctx.body = 'reached'
    }
    for (const path of ['/auth', '/session/end', '/token']) {
      expect(
        (await stage.post(path, {}, { headers: { origin: 'https://photos.example', 'sec-fetch-site': 'cross-site' } }))
          .text,
      ).toBe('reached')
    }
  })
})

test('the CSRF token of one interaction is refused for another interaction', async () => {
  stage.lookup = { state: 'live', interaction: interaction() }
  expect((await stage.post('/interaction/another/login', typed())).status).toBe(403)
})
