/** What password managers, screen readers and scripted form drivers find in every form of ours. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { HTMLElement } from 'node-html-parser'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'

let provider: Provider
let person: Person
let other: Person
let ours: PlainClient
let guest: PlainClient
let device: PlainClient

beforeAll(async () => {
  provider = await startProvider()
  const place = { issuer: provider.issuer, redirectUri, port: () => provider.port }
  const app = { preset: 'spa' as const, redirectUris: [redirectUri] }
  ;[person, other] = await Promise.all([addPerson(provider), addPerson(provider, { name: 'Grace Hopper' })])
  ours = new PlainClient(await addClient(provider, { ...app, firstParty: true }), place)
  guest = new PlainClient(await addClient(provider, app), place)
  device = new PlainClient(await addClient(provider, { preset: 'device' }), place)
}, 60_000)

afterAll(() => provider?.stop())

async function signedIn(): Promise<UserAgent> {
  const agent = new UserAgent(provider.issuer)
  await signIn(agent, ours.start().url, person)
  return agent
}

const pages: [string, () => Promise<VisitedPage>][] = [
  ['sign-in', () => new UserAgent(provider.issuer).visit(ours.start().url)],
  ['sign-in with a hint', () => new UserAgent(provider.issuer).visit(ours.start({ login_hint: 'a@b.example' }).url)],
  [
    'sign-in after a wrong password',
    () => signIn(new UserAgent(provider.issuer), ours.start().url, { ...person, password: 'wrong' }),
  ],
  ['proving oneself again', async () => (await signedIn()).visit(ours.start({ prompt: 'login' }).url)],
  ['choosing an account', async () => (await signedIn()).visit(ours.start({ prompt: 'select_account' }).url)],
  [
    'switching to another person',
    async () => {
      const agent = new UserAgent(provider.issuer)
      const page = await agent.visit(ours.start().url)
      // In another tab somebody signs in meanwhile.
      await signIn(agent, ours.start().url, person)
      return agent.press(page, '#sign-in', { login: other.email, password: other.password })
    },
  ],
  ['consent', () => signIn(new UserAgent(provider.issuer), guest.start().url, person)],
  ['sign-out', async () => (await signedIn()).visit(provider.url('/session/end'))],
  ['device code', async () => (await signedIn()).visit(provider.url('/device'))],
  [
    'device confirmation',
    async () => {
      const agent = await signedIn()
      const { json } = await device.post('/device/auth', { scope: 'openid' })
      return agent.press(await agent.visit(provider.url('/device')), '#continue', {
        user_code: String(json['user_code']),
      })
    },
  ],
]

const attribute = (element: HTMLElement, name: string) => element.getAttribute(name)
const controls = (form: HTMLElement) =>
  form.querySelectorAll('input, select, textarea').filter((control) => attribute(control, 'type') !== 'hidden')

test.each(pages)(
  '%s: every form posts to us, every field has a label, a name and its autocomplete, nothing needs a script',
  async (_name, open) => {
    const page = await open()
    expect(page.left).toBe(false)
    expect(page.document.querySelectorAll('h1')).toHaveLength(1)
    // The only script there may be shows the password or a logo's letter; without it the page is complete.
    expect(page.document.querySelectorAll('script').length).toBeLessThanOrEqual(1)
    expect(page.document.querySelectorAll('[onclick], [onsubmit], [onpaste], [onload]').length).toBe(0)
    const ids = page.document.querySelectorAll('[id]').map((element) => attribute(element, 'id'))
    expect(new Set(ids).size).toBe(ids.length)
    // The language switch carries the sealed page in a form of its own; its buttons stand beside that form.
    for (const form of page.document.querySelectorAll('form:not(#shown)')) {
      expect(attribute(form, 'method')).toBe('post')
      expect(new URL(attribute(form, 'action') ?? '', page.url).origin).toBe(page.url.origin)
      expect(form.querySelectorAll('button[type="submit"]').length).toBeGreaterThan(0)
      expect(form.querySelectorAll('input[name="csrf"], input[name="xsrf"]')).toHaveLength(1)
      expect(attribute(form, 'autocomplete')).not.toBe('off')
      for (const control of controls(form)) {
        const id = attribute(control, 'id') ?? ''
        expect(page.document.querySelectorAll(`label[for="${id}"]`)).toHaveLength(1)
        expect(attribute(control, 'name')).toBeTruthy()
        if (attribute(control, 'type') !== 'checkbox') {
          expect(attribute(control, 'autocomplete')).toBeTruthy()
          expect(attribute(control, 'spellcheck')).toBe('false')
          expect(attribute(control, 'autocapitalize')).toMatch(/^(?:none|characters)$/)
        }
      }
    }
  },
)

test.each(pages.filter(([name]) => /sign-in|proving/.test(name)))(
  '%s: name and password stand in one form, the name first, with the tokens that password managers know',
  async (_name, open) => {
    const { document } = await open()
    const form = document.querySelectorAll('form').find((one) => one.querySelector('#sign-in'))
    if (!form) throw new Error('no form to sign in')
    const names = controls(form).map((control) => attribute(control, 'name'))
    expect(names).toEqual(['login', 'password', 'remember'])
    const [login, password] = controls(form) as [HTMLElement, HTMLElement]
    expect(attribute(login, 'autocomplete')).toBe('username')
    expect(attribute(login, 'type')).toMatch(/^(?:text|email)$/)
    expect(attribute(password, 'autocomplete')).toBe('current-password')
    expect(attribute(password, 'type')).toBe('password')
    // NIST SP 800-63B-4: long passwords fit, and pasting is nobody's to forbid.
    expect(Number(attribute(password, 'maxlength'))).toBeGreaterThanOrEqual(64)
    expect(attribute(password, 'value') ?? '').toBe('')
    for (const field of [login, password]) expect(attribute(field, 'readonly')).toBeUndefined()
  },
)

test('after a wrong password the name that was typed stays and the alert is tied to the fields', async () => {
  const page = await signIn(new UserAgent(provider.issuer), ours.start().url, { ...person, password: 'wrong' })
  const alert = page.document.querySelector('[role="alert"]')
  expect(alert?.textContent.trim()).not.toBe('')
  for (const name of ['login', 'password']) {
    const field = page.document.querySelector(`input[name="${name}"]`)
    expect(field?.getAttribute('aria-describedby')).toBe(alert?.getAttribute('id'))
  }
  expect(page.document.querySelector('input[name="login"]')?.getAttribute('value')).toBe(person.email)
})
