/** Design requirements of the pages, one test for each. */
import { statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Failure } from '../../src/errors/failure.ts'
import { play, scenes } from './render-pages.ts'
import { ada, app, csrf, live, openStage, type Stage, type StageOptions, uid } from './stage.ts'

const page = `/interaction/${uid}`
let stage: Stage
beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

async function onStage<T>(options: StageOptions, act: (stage: Stage) => Promise<T>): Promise<T> {
  const other = await openStage(options)
  return act(other).finally(() => other.close())
}

describe('a wrong password', () => {
  test('a wrong password shows an error above the form, marks neither field and starts the title with "Error:"', async () => {
    const { document } = await play('login-wrong')
    expect(document.querySelector('[role=alert] strong')?.text).toBe('Wrong email or password.')
    expect(document.querySelectorAll('[aria-invalid]')).toEqual([])
    expect(document.querySelector('title')?.text).toBe('Error: Sign in · Claviger')
  })
  test('a wrong password in German starts the title with "Fehler:"', async () => {
    const { document } = await play('login-wrong', { lang: 'de' })
    expect(document.querySelector('title')?.text).toBe('Fehler: Anmelden · Claviger')
  })
  test.each(['login', 'login-again', 'consent', 'device-code'])(
    'the title of %s without an error does not start with "Error"',
    async (name) => {
      expect((await play(name)).document.querySelector('title')?.text).not.toMatch(/^Error/)
    },
  )
})

describe('the button that shows the password', () => {
  test('the password button is hidden without scripts, posts nothing and has a label', async () => {
    const button = (await play('login')).document.getElementById('show-password')
    expect(button?.attributes).toMatchObject({ type: 'button', hidden: '', 'aria-controls': 'password' })
    expect(button?.text).toBe('Show Password')
  })
  test('the script of the password button has at most 3 kB', () => {
    expect(statSync('views/page.js').size).toBeLessThanOrEqual(3 * 1024)
  })
})

describe("the deployment's name", () => {
  const options = { deploymentName: 'Example Ltd', issuer: 'https://id.example.com' }
  test.each(Object.keys(scenes))(
    "the deployment's name is in the title and the footer of the page %s",
    async (name) => {
      const { document } = await play(name, options)
      expect(document.querySelector('title')?.text).toMatch(/ · Example Ltd$/)
      expect(document.querySelector('footer .host')?.text).toBe('Example Ltd · id.example.com')
    },
  )
})

describe('pages after the last step', () => {
  test.each([
    ['signed-out', 'Back to Photo Album'],
    ['signed-out-unknown', 'open the app that you want to use'],
    ['device-done', 'See your account'],
  ])('the page %s has a check mark and names the next step', async (name, next) => {
    const { document } = await play(name)
    expect(document.querySelectorAll('main svg.done')).toHaveLength(1)
    expect(document.querySelector('main')?.text).toContain(next)
  })
  test('the page after a refusal in the device flow says that the device is not connected', async () => {
    expect((await play('device-stopped')).heading).toBe('Device not connected')
  })
})

describe('the discovery address', () => {
  test('the discovery address is folded under "For developers"', async () => {
    const fold = (await play('landing')).document.querySelector('details')
    expect([fold?.hasAttribute('open'), fold?.querySelector('summary')?.text]).toEqual([false, 'For developers'])
    expect(fold?.querySelector('a')?.getAttribute('href')).toMatch(/openid-configuration$/)
  })
})

describe('an error page', () => {
  const refused = (on: Stage) => {
    on.engine = (ctx) =>
      on.pages.error(ctx, { error: 'invalid_client', status: 400, client: app, reason: 'invalid_client: <not> found' })
    return on.send('/auth')
  }
  const broken = (on: Stage) => {
    on.engine = () => Promise.reject(new Error('the cause'))
    return on.send('/auth')
  }
  test('an error page in development shows the reason and the command that explains the request', async () => {
    const { document } = await onStage({ production: false }, refused)
    expect(document.querySelector('#reason code')?.text).toContain('invalid_client: <not> found')
    const requestId = document.getElementById('request-id')?.text
    expect(document.querySelector('#reason pre')?.text).toBe(`claviger clients explain ${requestId}`)
  })
  test('an error page in development shows an unexpected error', async () => {
    const { document } = await onStage({ production: false }, broken)
    expect(document.getElementById('reason')?.text).toContain('Error: the cause')
  })
  test('an error page in development shows the code and the sentence of a refusal', async () => {
    const { document } = await onStage({ production: false }, (on) => {
      on.engine = () => Promise.reject(new Failure('too_much', 'throttled', 'Too much at once.'))
      return on.send('/auth')
    })
    expect(document.getElementById('reason')?.text).toContain('too_much: Too much at once.')
  })
  test.each([
    ['refused', refused],
    ['broken', broken],
  ])('an error page in production does not show why a request was %s', async (_, cause) => {
    const { document, text } = await onStage({ production: true }, cause)
    expect(document.getElementById('reason')).toBeNull()
    expect(text).not.toMatch(/invalid_client|the cause|clients explain/)
  })
  test('a form posted without any cookie is answered with a page that asks for cookies', async () => {
    stage.engine = (ctx) => stage.pages.error(ctx, { error: 'invalid_request', status: 400, client: undefined })
    const { document } = await stage.post('/device', { user_code: 'BCDF' })
    expect(document.querySelector('[role=alert]')?.text).toContain('needs cookies, and your browser sent none')
    const other = await stage.post('/device', { user_code: 'BCDF' }, { headers: { cookie: 'other=1' } })
    expect(other.text).not.toContain('needs cookies')
  })
})

describe('a long name of an app', () => {
  const name = `${'Very '.repeat(40)}long`
  test.each([
    ['the sign-in page', { prompt: 'login' as const }],
    ['the consent page', { prompt: 'consent' as const, session: { accountId: ada.id, uid: 's', remembered: false } }],
  ])('a long app name is cut with an ellipsis on %s', async (_, changes) => {
    stage.lookup = live({ client: { ...app, name }, ...changes })
    const { document } = await stage.send(page)
    expect(document.querySelector('main')?.text).toMatch(/(?:Very ){3,9}(?:V|Ve|Ver|Very)?…/)
    expect(document.querySelector('main')?.text).not.toContain('Very '.repeat(11))
  })
  test('a long app name is cut between graphemes', async () => {
    const family = '👨‍👩‍👧‍👦'
    stage.lookup = live({ client: { ...app, name: family.repeat(60) } })
    const shown = (await stage.send(page)).document.querySelector('.lead')?.text ?? ''
    expect(shown).toContain(`${family.repeat(47)}…`)
    expect(shown).not.toContain(family.repeat(48))
  })
})

describe('the account page', () => {
  const allowed = (clientId: string) => ({
    clientId,
    access: { scopes: ['openid', 'offline_access'], claims: [], apis: {} },
    allowedAt: new Date('2026-11-03T10:00:00Z'),
  })
  const withdraw = async (fields: Record<string, string> = {}) => {
    const { document } = await stage.send('/account')
    const form = document.querySelector('form:has([name=client_id])') ?? document.querySelector('.rows form')
    const hidden = form?.querySelectorAll('input') ?? []
    const given = Object.fromEntries(hidden.map((field) => [field.getAttribute('name'), field.getAttribute('value')]))
    return stage.post(form?.getAttribute('action') ?? '', { ...given, ...fields } as Record<string, string>)
  }
  beforeEach(() => {
    stage.session = { accountId: ada.id }
    stage.consents = [allowed(app.id)]
  })

  test('the account page lists each allowed app with its date and a button', async () => {
    const rows = (await stage.send('/account')).document.querySelectorAll('.rows > li')
    expect(rows.map((row) => row.text.replaceAll(/\s+/g, ' ').trim())).toEqual([
      'Photo AlbumAllowed since November 3, 2026Has access while you are away Withdraw Photo Album',
    ])
  })
  test('the withdraw button withdraws the consent, shows a confirmation and records an event', async () => {
    const { status, headers } = await withdraw()
    expect([status, headers.location]).toEqual([303, '/account?withdrawn=photo-album'])
    expect(stage.calls).toContainEqual(['withdraw', ada.id, app.id])
    const about = expect.objectContaining({ accountId: ada.id, clientId: app.id, requestId: expect.any(String) })
    expect(stage.calls).toContainEqual(['consentWithdrawn', about])
    const { document } = await stage.send('/account?withdrawn=photo-album')
    expect(document.querySelector('[role=status]')?.text).toContain('Photo Album has no access any more.')
  })
  test('the account page confirms no withdrawal of an app that is still in the list', async () => {
    expect((await stage.send('/account?withdrawn=photo-album')).document.querySelector('[role=status]')).toBeNull()
  })
  test('a withdrawal without a consent records no event', async () => {
    await withdraw({ client_id: 'another' })
    expect(stage.calls.filter(([what]) => what === 'consentWithdrawn')).toEqual([])
  })
  test.each([
    ['without its token', { csrf: '' }],
    ['with a token of another form', { csrf }],
  ])('a withdrawal form %s withdraws nothing', async (_, fields) => {
    expect((await withdraw(fields)).status).toBe(303)
    expect(stage.calls).toEqual([])
  })
  test('the withdrawal form of another person withdraws nothing', async () => {
    const { document } = await stage.send('/account')
    const token = document.querySelector('.rows input[name=csrf]')?.getAttribute('value') ?? ''
    stage.session = { accountId: 'acc_ben' }
    await stage.post('/account/apps/withdraw', { csrf: token, client_id: app.id })
    expect(stage.calls).toEqual([])
  })
  test('the account page refuses a form from another site and answers no other path below it', async () => {
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    expect((await stage.post('/account/apps/withdraw', { csrf: 'x' }, { headers })).status).toBe(403)
    expect((await stage.send('/account/apps')).status).toBe(404)
    expect((await stage.send('/account/apps/withdraw')).headers.location).toBe('/account')
    expect((await stage.post('/account', {})).status).toBe(405)
  })
})
