/** The language switch: every page has it, and typed text is kept. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { play, scenes } from './render-pages.ts'
import { ada, csrf, live, openStage, type Reply, type Stage, signedInAs, uid } from './stage.ts'

const page = `/interaction/${uid}`
let stage: Stage
beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

/** Presses "Deutsch" with the hidden fields of its form and text typed into it. */
function pressGerman(reply: Reply, typed: Record<string, string> = {}): Promise<Reply> {
  const button = reply.document.querySelector('nav.languages button[lang=de]')
  const form = reply.document.getElementById(button?.getAttribute('form') ?? '')
  const hidden = form?.querySelectorAll('input[type=hidden]') ?? []
  const fields = hidden.map((field) => [field.getAttribute('name') ?? '', field.getAttribute('value') ?? ''])
  return stage.post(button?.getAttribute('formaction') ?? '', { ...Object.fromEntries(fields), ...typed })
}

const typedIn = ({ document }: Reply, id: string) => document.getElementById(id)?.getAttribute('value')

test.each(Object.keys(scenes))('the page %s offers every language', async (name) => {
  const { document } = await play(name)
  expect(document.querySelectorAll('nav.languages > [lang]').map((one) => one.getAttribute('lang'))).toEqual([
    'en',
    'de',
  ])
})

test.each(Object.keys(scenes))(
  'the page %s keeps its content and request id when the language changes',
  async (name) => {
    const reply = await (scenes[name] as (typeof scenes)[string])(stage)
    const link = reply.document.querySelector('nav.languages a[hreflang=de]')?.getAttribute('href')
    const german = link ? await stage.send(link) : await pressGerman(reply)
    expect(german.headers['content-language']).toBe('de')
    expect([200, reply.status]).toContain(german.status)
    expect(german.heading).toBe((await play(name, { lang: 'de' })).heading)
    const requestId = reply.document.getElementById('request-id')?.text
    expect(german.document.getElementById('request-id')?.text).toBe(requestId)
  },
)

describe('text typed into a form', () => {
  test('text typed into the sign-in form is kept when the language changes, except the password', async () => {
    const typed = { login: 'ada@exam', password: 'half a passw', remember: 'yes' }
    const german = await pressGerman(await stage.send(page), typed)
    expect(german.heading).toBe('Anmelden')
    expect(typedIn(german, 'login')).toBe('ada@exam')
    expect(german.document.getElementById('remember')?.hasAttribute('checked')).toBe(true)
    expect(german.text).not.toContain('half a passw')
  })
  test('a typed device code is kept when the language changes and is not submitted', async () => {
    stage.engine = (ctx) =>
      stage.pages.deviceCode(ctx, { action: `${stage.url}/device`, xsrf: 'x', userCode: undefined, wrong: false })
    const first = await stage.send('/device')
    stage.engine = () => Promise.reject(new Error('nothing was to be submitted'))
    const german = await pressGerman(first, { user_code: 'BCDF' })
    expect([german.heading, typedIn(german, 'user_code')]).toEqual(['Gerät verbinden', 'BCDF'])
  })
  test('after a failed sign-in, a change of the language keeps the typed text and the error', async () => {
    const failed = await stage.post(`${page}/login`, { csrf, login: 'ada', password: 'wrong' })
    const german = await pressGerman(failed, { login: 'ada@example.com', password: 'wrong' })
    expect(german.document.querySelector('[role=alert]')?.text).toContain('E-Mail-Adresse oder Passwort ist falsch.')
    expect(german.document.querySelector('title')?.text).toMatch(/^Fehler: Anmelden/)
    expect(typedIn(german, 'login')).toBe('ada@example.com')
  })
  test('a form posted in a chosen language is answered in it, regardless of ui_locales', async () => {
    stage.lookup = live({ uiLocales: 'en' })
    const german = await pressGerman(await stage.send(page), { login: 'ada' })
    const action = german.document.getElementById('login-form')?.getAttribute('action') ?? ''
    const failed = await stage.post(action, { csrf, login: 'ada', password: 'wrong' })
    expect(failed.headers['content-language']).toBe('de')
  })
})

describe('the form that shows a page again', () => {
  test('the form stores the language for the next visit', async () => {
    expect(String((await pressGerman(await stage.send(page))).headers['set-cookie'])).toContain('claviger_locale=de')
  })
  test("the form refuses pages that were not sealed with the server's key", async () => {
    const sealed = (await stage.send(page)).document.querySelector('input[name=page]')?.getAttribute('value') ?? ''
    const [content = '', seal = ''] = sealed.split('.')
    const forged = Buffer.from(JSON.stringify({ content: { name: 'landing', data: {} }, until: 1e15 }))
    for (const bad of ['', content, `${content}.`, `${forged.toString('base64url')}.${seal}`, `${sealed}.x`]) {
      expect((await stage.post('/language?lang=de', { page: bad })).status).toBe(400)
    }
  })
  test('the form refuses a post from another site', async () => {
    const reply = await stage.send(page)
    const sealed = reply.document.querySelector('input[name=page]')?.getAttribute('value') ?? ''
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    expect((await stage.post('/language?lang=de', { page: sealed }, { headers })).status).toBe(403)
  })
  test("a GET of the form's address leads to the start page", async () => {
    const { status, headers } = await stage.send('/language')
    expect([status, headers.location]).toEqual([303, '/'])
  })
  test('a change of the language keeps the ticket for a switch of accounts', async () => {
    stage.lookup = live({ session: signedInAs(ada) })
    const asked = await stage.post(`${page}/login`, { csrf, login: 'ben@example.com', password: 'right' })
    const german = await pressGerman(asked)
    const ticket = german.document.querySelector('input[name=ticket]')?.getAttribute('value') ?? ''
    const action = german.document.getElementById('switch')?.closest('form')?.getAttribute('action') ?? ''
    expect((await stage.post(action, { csrf, ticket })).status).toBe(303)
  })
})
