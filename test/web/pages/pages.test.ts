import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { play, scenes } from '../render-pages.ts'
import { ada, app, csrf, live, openStage, type Stage, signedInAs, uid } from '../stage.ts'

const page = `/interaction/${uid}`
let stage: Stage
beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

describe.each(Object.keys(scenes))('The page %s', (name) => {
  test.each(['en', 'de'])('the page in %s is well-formed', async (lang) => {
    const { document, headers, text } = await play(name, { lang })
    expect(document.querySelector('html')?.getAttribute('lang')).toBe(lang)
    expect(document.querySelector('html')?.getAttribute('dir')).toBe('ltr')
    expect(headers['content-language']).toBe(lang)
    expect(document.querySelectorAll('h1')).toHaveLength(1)
    expect(document.querySelectorAll('main')).toHaveLength(1)
    expect(document.querySelectorAll('style, [style], iframe, object, [onclick]')).toEqual([])
    const scripts = document.querySelectorAll('script').map((script) => script.text)
    const comforts = name.startsWith('login') ? [readFileSync('views/page.js', 'utf8')] : []
    expect(scripts).toEqual(name === 'form-post' ? ['document.forms[0].submit()'] : comforts)
    expect(document.querySelectorAll('[autofocus]').length).toBeLessThanOrEqual(1)
    const ids = document.querySelectorAll('[id]').map((node) => node.getAttribute('id'))
    expect(new Set(ids).size).toBe(ids.length)
    expect(text).not.toMatch(/undefined|\[object|\{\w+\}/)
  })
  test('the page has a label for each field and a token in each form', async () => {
    const { document } = await play(name)
    for (const label of document.querySelectorAll('label'))
      expect(document.getElementById(label.getAttribute('for') ?? '')).toBeTruthy()
    for (const field of document.querySelectorAll('input:not([type=hidden])')) {
      expect(document.querySelector(`label[for=${field.getAttribute('id')}]`)).toBeTruthy()
    }
    for (const form of document.querySelectorAll('form[method=post]')) {
      if (form.getAttribute('id') === 'shown') expect(form.querySelector('input[name=page]')).toBeTruthy()
      else if (name !== 'form-post') expect(form.querySelector('input[name=csrf], input[name=xsrf]')).toBeTruthy()
    }
    for (const described of document.querySelectorAll('[aria-describedby]')) {
      expect(document.getElementById(described.getAttribute('aria-describedby') ?? '')?.getAttribute('role')).toBe(
        'alert',
      )
    }
  })
})

describe('The sign-in form is one that password managers fill and save', () => {
  test.each(['login', 'login-wrong', 'login-again', 'login-another', 'login-throttled'])(
    'the page %s has the field names and autocomplete values of password managers',
    async (name) => {
      const { document } = await play(name)
      const form = document.querySelector('input[name=password]')?.closest('form')
      const fields = form?.querySelectorAll('input:not([type=hidden])') ?? []
      expect(fields.map((field) => field.getAttribute('name'))).toEqual(['login', 'password', 'remember'])
      const [login, password] = fields
      expect(login?.attributes).toMatchObject({
        type: 'text',
        autocomplete: 'username',
        autocapitalize: 'none',
        spellcheck: 'false',
      })
      expect(password?.attributes).toMatchObject({ type: 'password', autocomplete: 'current-password' })
      expect(password?.hasAttribute('value')).toBe(false)
      expect(form?.outerHTML).not.toMatch(/onpaste|readonly|autocomplete="off"/)
      expect(form?.querySelector('button[type=submit]')?.getAttribute('id')).toBe('sign-in')
    },
  )
  test('after a failed sign-in, the alert is announced, linked to the fields, and the password has the focus', async () => {
    const { document } = await play('login-wrong')
    expect(document.querySelector('[role=alert]')?.getAttribute('id')).toBe('fault')
    for (const field of ['login', 'password'])
      expect(document.querySelector(`#${field}`)?.getAttribute('aria-describedby')).toBe('fault')
    expect(document.querySelector('[autofocus]')?.getAttribute('name')).toBe('password')
  })
})

describe('Selectors that other programs use', () => {
  test.each([
    ['login', 'Sign in', ['#sign-in', 'input[name=login]', 'input[name=password]']],
    ['consent', 'Allow Photo Album?', ['#allow', '#deny']],
    ['logout', 'Sign out?', ['#sign-out[name=logout][value=yes]', 'input[name=xsrf]']],
    ['signed-out', 'Signed out', []],
    ['error', 'This request cannot be completed', ['#request-id', '#continue']],
    ['account', 'Your account', ['#sign-out']],
    ['device-code', 'Connect a device', ['input[name=user_code]', 'input[name=xsrf]']],
    ['device-confirm', 'Is this your device?', ['#allow', '#deny']],
  ])('the page %s keeps its heading and its selectors', async (name, heading, selectors) => {
    const reply = await play(name)
    expect(reply.heading).toBe(heading)
    for (const selector of selectors) expect(reply.document.querySelectorAll(selector)).toHaveLength(1)
  })
})

describe('The language', () => {
  const heading = async (headers: Record<string, string>, path = page) => (await stage.send(path, { headers })).heading
  test('the language follows ui_locales, then the cookie, then Accept-Language', async () => {
    const german = { 'accept-language': 'de-AT,en;q=0.5' }
    expect(await heading(german)).toBe('Anmelden')
    expect(await heading({ ...german, cookie: 'claviger_locale=en' })).toBe('Sign in')
    stage.lookup = live({ uiLocales: 'xx de-CH en' })
    expect(await heading({ cookie: 'claviger_locale=en' })).toBe('Anmelden')
  })
  test('the language is English when no requested language is available', async () => {
    expect(await heading({ 'accept-language': 'tlh, *;q=0.1' })).toBe('Sign in')
    expect(await heading({ 'accept-language': ';;;,q=,-' })).toBe('Sign in')
    expect(await heading({ cookie: 'claviger_locale=../../etc/passwd' })).toBe('Sign in')
  })
  test('a language chosen by a link is kept after a failed form and stored only by a successful one', async () => {
    stage.lookup = live({ uiLocales: 'en' })
    const chosen = await stage.send(`${page}?lang=de`)
    expect([chosen.heading, chosen.headers['set-cookie']]).toEqual(['Anmelden', undefined])
    const action = chosen.document.querySelector('#sign-in')?.closest('form')?.getAttribute('action') ?? ''
    expect((await stage.post(action, { csrf, login: 'ada', password: 'wrong' })).heading).toBe('Anmelden')
    const done = await stage.post(action, { csrf, login: 'ada', password: 'right' })
    expect(String(done.headers['set-cookie'])).toContain('claviger_locale=de')
  })
})

describe('Text from apps and people is escaped', () => {
  const hostile = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "' autofocus onfocus='alert(1)",
      '</title><script>',
      '$' + '{7*7}',
      '<%= it.csrf %>',
      '{{app}}',
      '\u202egnp.exe',
      '&lt;b&gt;',
      '--><svg onload=alert(1)>',
    ),
  )
  const shape = (document: {
    querySelectorAll(selector: string): { tagName: string; attributes: Record<string, string> }[]
  }) =>
    document
      .querySelectorAll('*')
      .map(({ tagName, attributes }) => `${tagName} ${Object.keys(attributes).sort().join(' ')}`)

  test('the sign-in page escapes the app name, the login hint and the typed name', async () => {
    const plain = shape((await stage.post(`${page}/login`, { csrf, login: 'x', password: 'wrong' })).document)
    await fc.assert(
      fc.asyncProperty(hostile, hostile, async (name, login) => {
        stage.lookup = live({ client: { ...app, name: `N${name}` } })
        const reply = await stage.post(`${page}/login`, {
          csrf,
          login: `x${login.replaceAll('\0', '')}`,
          password: 'wrong',
        })
        expect(shape(reply.document)).toEqual(plain)
        expect(reply.document.querySelector('title')?.textContent).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/)
      }),
      { numRuns: 150 },
    )
  })
  test('the consent page escapes the app name, the destination, scopes and APIs', async () => {
    const scene = (text: string) =>
      live({
        prompt: 'consent',
        session: signedInAs(ada),
        client: { ...app, name: `N${text}`, destination: `d${text}` },
        missing: { scopes: [`s${text}`], claims: [`c${text}`], apis: { [`a${text}`]: [`r${text}`] } },
      })
    stage.lookup = scene('')
    const plain = shape((await stage.send(page)).document)
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        stage.lookup = scene(text)
        expect(shape((await stage.send(page)).document)).toEqual(plain)
      }),
      { numRuns: 150 },
    )
  })
  test('the form_post page escapes the redirect address', async () => {
    const fields = { '"><b>': '"><script>alert(1)</script>' }
    stage.engine = (ctx) => stage.pages.formPost(ctx, { action: 'https://a.example/"><script>', fields })
    const { document } = await stage.send('/auth')
    expect(document.querySelectorAll('script')).toHaveLength(1)
    expect(document.querySelector('form')?.getAttribute('action')).toBe('https://a.example/"><script>')
  })
})

describe('The words', () => {
  const textsOf = (locale: string) =>
    JSON.parse(readFileSync(`views/locales/${locale}.json`, 'utf8')) as Record<string, string>
  const locales = readdirSync('views/locales').map((file) => file.replace('.json', ''))

  test.each(locales)('the language %s has every text with the same placeholders', (locale) => {
    const english = textsOf('en')
    const texts = textsOf(locale)
    expect(Object.keys(texts).sort()).toEqual(Object.keys(english).sort())
    const places = (text: string | undefined) => [...(text ?? '').matchAll(/\{\w+\}/g)].map(String).sort()
    for (const key of Object.keys(english)) expect([key, places(texts[key])]).toEqual([key, places(english[key])])
  })
  test('every text is used by a page', () => {
    const sources = [
      ...readdirSync('views', { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.eta'))
        .map((file) => `views/${file}`),
      'src/web/sign-in/asked.ts',
      'src/web/pages/texts.ts',
    ]
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n')
    const composed = /^(?:scope|claim|error|login)\./
    const unused = Object.keys(textsOf('en')).filter((key) => !sources.includes(`'${key}'`) && !composed.test(key))
    expect(unused).toEqual([])
  })
  test('templates output without escaping only other templates and the page script', () => {
    for (const file of readdirSync('views', { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.eta'),
    )) {
      const raw = [...readFileSync(`views/${file}`, 'utf8').matchAll(/<%~\s*(\S+)/g)].map(([, first]) => first)
      for (const first of raw) expect(first).toMatch(/^(?:include\(.*|it\.body|it\.formPostScript|it\.pageScript)$/)
    }
  })
})
