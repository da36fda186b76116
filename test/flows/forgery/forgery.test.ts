/** What other sites, framed pages and borrowed cookies can do with our pages: nothing. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { submissionOf } from '../../harness/form.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const signedOutUri = 'https://app.example/bye'

let provider: Provider
let person: Person
let rows: Rows
let ours: PlainClient
let guest: PlainClient
let device: PlainClient
let web: PlainClient

beforeAll(async () => {
  provider = await startProvider()
  rows = await openRows(provider.databaseUrl)
  const place = { issuer: provider.issuer, redirectUri, port: () => provider.port }
  const app = { preset: 'spa' as const, redirectUris: [redirectUri], postLogoutRedirectUris: [signedOutUri] }
  person = await addPerson(provider)
  ours = new PlainClient(await addClient(provider, { ...app, firstParty: true }), place)
  guest = new PlainClient(await addClient(provider, { ...app, name: 'Guest' }), place)
  web = new PlainClient(await addClient(provider, { ...app, preset: 'web', firstParty: true }), place)
  device = new PlainClient(await addClient(provider, { preset: 'device', firstParty: true }), place)
}, 60_000)

afterAll(async () => {
  await rows?.close()
  await provider?.stop()
})

const newAgent = () => new UserAgent(provider.issuer)

/** Sends a page's form as it stands, with other headers or other fields. */
function post(
  agent: UserAgent,
  page: VisitedPage,
  button: string,
  typed: Record<string, string>,
  change: { headers?: Record<string, string>; fields?: Record<string, string | undefined> } = {},
) {
  const pressed = page.document.querySelector(button)
  if (!pressed) throw new Error(`No ${button}:\n${page.text}`)
  const { url, fields } = submissionOf(page, pressed, typed)
  for (const [name, value] of Object.entries(change.fields ?? {})) {
    if (value === undefined) fields.delete(name)
    else fields.set(name, value)
  }
  return agent.send('POST', url, { body: fields.toString(), headers: change.headers ?? {} })
}

interface FormCase {
  /** Opens the page with the form. */
  open(agent: UserAgent): Promise<VisitedPage>
  button: string
  token: string
  typed(): Record<string, string>
  /** Whether what the form does has been done. */
  isDone(agent: UserAgent): Promise<boolean>
}

const isSignedIn = async (agent: UserAgent) => {
  const page = await agent.visit(provider.url('/account'))
  return page.text.includes(person.email)
}
const nothing = () => ({})
const userCode = async () => {
  const { json } = await device.post('/device/auth', { scope: 'openid' })
  return String(json['user_code'])
}
const codeTyped = async (agent: UserAgent) => {
  await signIn(agent, ours.start().url, person)
  const page = await agent.visit(provider.url('/device'))
  return agent.press(page, '#continue', { user_code: await userCode() })
}
const allowedDevices = () => rows.count(`select count(*) from artifacts where model = 8 and payload ? 'accountId'`)

const forms: [string, FormCase][] = [
  [
    'sign-in',
    {
      open: (agent) => agent.visit(ours.start().url),
      button: '#sign-in',
      token: 'csrf',
      typed: () => ({ login: person.email, password: person.password }),
      isDone: isSignedIn,
    },
  ],
  [
    'consent',
    {
      open: (agent) => signIn(agent, guest.start().url, person),
      button: '#allow',
      token: 'csrf',
      typed: nothing,
      isDone: () => rows.count('select count(*) from artifacts where model = 4').then((codes) => codes > 0),
    },
  ],
  [
    'sign-out',
    {
      async open(agent) {
        await signIn(agent, ours.start().url, person)
        return agent.visit(provider.url('/session/end'))
      },
      button: '#sign-out',
      token: 'xsrf',
      typed: nothing,
      isDone: async (agent) => !(await isSignedIn(agent)),
    },
  ],
  [
    'device code',
    {
      open: codeTyped,
      button: '#allow',
      token: 'csrf',
      typed: nothing,
      isDone: () => allowedDevices().then((devices) => devices > 0),
    },
  ],
]

describe.each(forms)('the %s form', (name, { open, button, token, typed, isDone }) => {
  beforeAll(() => rows.query('delete from artifacts where model in (4, 8)'))

  test.each([
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a neighbour under the same domain', { origin: 'http://localhost:1', 'sec-fetch-site': 'same-site' }],
    ['a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['an older browser on another site', { origin: 'https://evil.example' }],
  ])('does nothing when it is posted from %s, even with its token', async (_who, headers) => {
    const agent = newAgent()
    const answer = await post(agent, await open(agent), button, typed(), { headers })
    expect(answer.status).toBe(403)
    expect(answer.headers['set-cookie'] ?? []).toEqual([])
    expect(await isDone(agent)).toBe(false)
  })

  test.each([
    ['no token', undefined],
    ['an empty token', ''],
    ['a made-up token', 'x'.repeat(43)],
  ])('does nothing with %s, even from our own origin', async (_what, value) => {
    const agent = newAgent()
    const headers = { origin: new URL(provider.issuer).origin, 'sec-fetch-site': 'same-origin' }
    const answer = await post(agent, await open(agent), button, typed(), { headers, fields: { [token]: value } })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(await isDone(agent)).toBe(false)
  })

  test("does nothing with another browser's token", async () => {
    const [agent, other] = [newAgent(), newAgent()]
    const page = await open(agent)
    const stolen = (await open(other)).document.querySelector(`input[name="${token}"]`)?.getAttribute('value') ?? ''
    const headers = { origin: new URL(provider.issuer).origin, 'sec-fetch-site': 'same-origin' }
    const answer = await post(agent, page, button, typed(), { headers, fields: { [token]: stolen } })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(await isDone(agent)).toBe(false)
  })

  test('forbids being framed, forbids all scripts but one by its hash, and is never stored by a cache', async () => {
    const { headers } = await open(newAgent())
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("base-uri 'none'")
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval|form-action/)
    const scripts = /script-src ([^;]+)/.exec(policy)?.[1]
    if (name === 'sign-in') expect(scripts).toMatch(/^'sha256-[\w+/=]+'$/)
    else expect(scripts).toBeUndefined()
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
    })
  })

  test('works when it is sent as it is meant', async () => {
    const agent = newAgent()
    await agent.press(await open(agent), button, typed())
    expect(await isDone(agent)).toBe(true)
  })
})

describe('sessions', () => {
  const sessionOf = async (agent: UserAgent) => {
    const cookies = agent.cookies.header(new URL(provider.issuer)) ?? ''
    return /claviger_session=([^;]+)/.exec(cookies)?.[1]
  }

  test('the session id changes at sign-in: one that was planted before is worth nothing after', async () => {
    const agent = newAgent()
    const page = await agent.visit(ours.start().url)
    const planted = agent.cookies.copy()
    const before = await sessionOf(agent)
    await agent.press(page, '#sign-in', { login: person.email, password: person.password })
    expect(await isSignedIn(agent)).toBe(true)
    expect(await sessionOf(agent)).not.toBe(before)
    const thief = new UserAgent(provider.issuer, { cookies: planted })
    expect(await isSignedIn(thief)).toBe(false)
  })

  test('the session id changes when a person signs in again, and the old one is worth nothing after', async () => {
    const agent = newAgent()
    await signIn(agent, ours.start().url, person)
    const [before, stolen] = [await sessionOf(agent), agent.cookies.copy()]
    const page = await agent.visit(ours.start({ prompt: 'login' }).url)
    const arrived = await agent.press(page, '#sign-in', { password: person.password })
    expect(arrived.left).toBe(true)
    expect(await sessionOf(agent)).not.toBe(before)
    expect(await isSignedIn(new UserAgent(provider.issuer, { cookies: stolen }))).toBe(false)
  })

  test('a session that was signed out is worth nothing, to whoever copied its cookies', async () => {
    const agent = newAgent()
    await signIn(agent, ours.start().url, person)
    const stolen = new UserAgent(provider.issuer, { cookies: agent.cookies.copy() })
    expect(await isSignedIn(stolen)).toBe(true)
    await agent.press(await agent.visit(provider.url('/session/end')), '#sign-out')
    expect(await isSignedIn(stolen)).toBe(false)
    const { heading } = await stolen.visit(ours.start().url)
    expect(heading).toBe('Sign in')
  })

  test('cookies that were altered, swapped or made up sign nobody in and break nothing', async () => {
    const agent = newAgent()
    await signIn(agent, ours.start().url, person)
    const good = agent.cookies.header(new URL(provider.issuer)) ?? ''
    const hostile = [
      good.replace(/claviger_session=./, 'claviger_session=A'),
      good.replace(/(claviger_session\.sig=)[^;]+/, '$1AAAA'),
      'claviger_session=__proto__; claviger_session.sig=constructor',
      `claviger_session=${'a'.repeat(4_000)}`,
      'claviger_session=%00%ff; claviger_session.sig=%',
      '=; ;;; a=b=c; claviger_session',
    ]
    for (const cookie of hostile) {
      const answer = await agent.send('GET', provider.url('/account'), { headers: { cookie } })
      expect(answer.status).toBe(200)
      expect(answer.text).not.toContain(person.email)
      expect((await agent.send('GET', ours.start().url, { headers: { cookie } })).status).toBe(303)
    }
  })

  test("another browser cannot finish a sign-in that somebody began: the page's cookie is missing", async () => {
    const [agent, other] = [newAgent(), newAgent()]
    const page = await agent.visit(ours.start().url)
    const seen = await other.visit(page.url)
    expect(seen.status).toBe(410)
    const headers = { origin: new URL(provider.issuer).origin, 'sec-fetch-site': 'same-origin' }
    const typed = { login: person.email, password: person.password }
    const answer = await post(other, page, '#sign-in', typed, { headers })
    expect(answer.status).toBe(410)
    expect(await isSignedIn(other)).toBe(false)
  })
})

describe('nobody is sent to where they did not want to go', () => {
  const evil = 'https://evil.example/'

  test.each([
    ['another site', evil],
    ['a longer one', `${redirectUri}.evil.example`],
    ['the same with a path behind it', `${redirectUri}/../evil`],
    ['the same with a query', `${redirectUri}?next=${evil}`],
    ['the same with a fragment', `${redirectUri}#x`],
    ['the same in capitals', redirectUri.toUpperCase()],
    ['the same by http', redirectUri.replace('https', 'http')],
    ['the same with a user', 'https://app.example@evil.example/callback'],
    ['a script', 'javascript:alert(1)'],
    ['data', 'data:text/html,<script>alert(1)</script>'],
    ['a path', '/callback'],
    ['two slashes', '//evil.example/callback'],
    ['backslashes', 'https://app.example\\@evil.example/callback'],
    ['a line break', `${redirectUri}\r\nLocation: ${evil}`],
  ])('an authorization request to %s stays here, on a page that names no address', async (_what, uri) => {
    const page = await newAgent().visit(ours.start({ redirect_uri: uri }).url)
    expect([page.left, page.status]).toEqual([false, 400])
    expect(page.heading).toBe('This request cannot be completed')
    expect(page.text).not.toContain('evil')
    expect(page.headers.location).toBeUndefined()
  })

  test.each([
    evil,
    `${signedOutUri}@evil.example`,
    `${signedOutUri}/x`,
    'javascript:alert(1)',
    '//evil.example',
    '/\\evil',
  ])('a sign-out with the return address %s ends here', async (uri) => {
    const agent = newAgent()
    await signIn(agent, ours.start().url, person)
    const query = new URLSearchParams({ client_id: ours.id, post_logout_redirect_uri: uri })
    for (const visitor of [agent, newAgent()]) {
      let page = await visitor.visit(`${provider.url('/session/end')}?${query}`)
      if (page.document.querySelector('#sign-out')) page = await visitor.press(page, '#sign-out')
      expect([page.left, page.heading]).toEqual([false, 'Signed out'])
      expect(page.text).not.toContain('evil')
    }
    expect(await isSignedIn(agent)).toBe(false)
  })

  test.each(['https://evil.example', '//evil.example', '"><script>alert(1)</script>', '../../x', 'en&another=1'])(
    'a language named %s changes nothing on the page',
    async (lang) => {
      const agent = newAgent()
      const { url } = await agent.visit(ours.start().url)
      const page = await agent.visit(`${url.href}?lang=${encodeURIComponent(lang)}`)
      expect([page.status, page.heading]).toEqual([200, 'Sign in'])
      expect(page.text).not.toMatch(/evil|alert\(1\)/)
      for (const link of page.document.querySelectorAll('a')) {
        expect(new URL(link.getAttribute('href') ?? '', url).origin).toBe(url.origin)
      }
    },
  )

  test.each(['//evil.example', '/\\evil.example', '/%2f%2fevil.example', '/auth//evil.example'])(
    'the path %s redirects nowhere',
    async (path) => {
      const answer = await newAgent().send('GET', `${provider.issuer}${path.replaceAll('\\', '%5c')}`)
      expect([400, 404]).toContain(answer.status)
      expect(answer.headers.location).toBeUndefined()
    },
  )
})

describe('looking changes nothing', () => {
  test('HEAD on the authorization and sign-out addresses starts nothing and ends nothing', async () => {
    const agent = newAgent()
    await signIn(agent, ours.start().url, person)
    const before = await rows.stored()
    for (const url of [ours.start().url.href, guest.start().url.href, provider.url('/session/end')]) {
      const answer = await agent.send('HEAD', url)
      expect(answer.status).toBe(405)
      expect(answer.headers['set-cookie']).toBeUndefined()
      expect(answer.headers.location).toBeUndefined()
    }
    expect(await rows.stored()).toEqual(before)
    expect(await isSignedIn(agent)).toBe(true)
  })

  test.each([
    '/',
    '/account',
    '/auth/abcdefghijklmnopqrstu',
    '/device',
    '/device/',
    '/Device',
    '/device?user_code=BCDF-GHJK',
    '/device/abcdefghijklmnopqrstu',
    '/session/end/',
    '/SESSION/END',
    '/session/end/success',
    '/interaction/abcdefghijklmnopqrstu',
    '/me',
    '/jwks',
    '/.well-known/openid-configuration',
  ])('HEAD starts no session: %s', async (path) => {
    const before = await rows.stored()
    const { headers } = await newAgent().send('HEAD', provider.url(path))
    expect([headers['set-cookie'], headers.location]).toEqual([undefined, undefined])
    expect(await rows.stored()).toEqual(before)
  })

  test.each(['/AUTH', '/auth/', '/Auth'])('HEAD starts no sign-in where the path is spelled %s', async (path) => {
    const before = await rows.stored()
    const url = ours.start().url.href.replace('/auth?', `${path}?`)
    expect(url).toContain(`${path}?`)
    const { headers } = await newAgent().send('HEAD', url)
    expect([headers['set-cookie'], headers.location]).toEqual([undefined, undefined])
    expect(await rows.stored()).toEqual(before)
  })

  test.each(['/DEVICE', '/device/', '/Session/End/Confirm', '/session/end/confirm/', '/TOKEN', '/token/'])(
    'an endpoint has one spelling, so that no rule about it is passed by: %s is not found',
    async (path) => {
      const { status, headers } = await newAgent().send('POST', provider.url(path), { body: 'a=b' })
      expect([status, headers['set-cookie']]).toEqual([404, undefined])
    },
  )

  test('sign-out asked for by another page needs a press of the button here', async () => {
    const agent = newAgent()
    await signIn(agent, ours.start().url, person)
    const page = await agent.visit(provider.url('/session/end'))
    expect(page.document.querySelector('#sign-out')).not.toBeNull()
    expect(await isSignedIn(agent)).toBe(true)
  })
})

describe('every HTML answer', () => {
  const pages: [string, (agent: UserAgent) => Promise<{ headers: VisitedPage['headers']; text: string }>][] = [
    ['the landing page', (agent) => agent.visit(provider.url('/'))],
    ['the account page', (agent) => agent.visit(provider.url('/account'))],
    ['a page that is not there', (agent) => agent.visit(provider.url('/nowhere'))],
    ['a request that cannot be completed', (agent) => agent.visit(provider.url('/auth?client_id=nobody'))],
    ['a dead sign-in', (agent) => agent.visit(provider.url('/interaction/abcdefghijklmnopqrstu'))],
    ['a dead way back', (agent) => agent.visit(provider.url('/auth/abcdefghijklmnopqrstu'))],
    ['the device page', (agent) => agent.visit(provider.url('/device'))],
    [
      'a wrong device code',
      async (agent) => {
        const page = await agent.visit(provider.url('/device'))
        return agent.press(page, '#continue', { user_code: 'XXXX-XXXX' })
      },
    ],
    ['signed out', (agent) => agent.visit(provider.url('/session/end'))],
    ['a wrong method', (agent) => agent.send('PUT', provider.url('/account'))],
    [
      'form_post',
      async (agent) => {
        const page = await signIn(agent, web.start({ response_mode: 'form_post' }).url, person)
        return page
      },
    ],
  ]

  test.each(pages)('carries the policy, cannot be framed, and is not stored: %s', async (_what, open) => {
    const { headers } = await open(newAgent())
    expect(headers['content-type']).toMatch(/^text\/html/)
    const policy = String(headers['content-security-policy'])
    expect(policy).toMatch(/default-src 'none'.*frame-ancestors 'none'.*base-uri 'none'/)
    expect(policy).not.toMatch(/unsafe-|\*|http:/)
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cache-control': expect.stringContaining('no-store'),
      'x-request-id': expect.stringMatching(/^[\w-]{8,}$/),
    })
    expect(headers['x-powered-by']).toBeUndefined()
    expect(headers['server']).toBeUndefined()
  })

  test.each(pages)('tells nothing of how it is made: %s', async (_what, open) => {
    const { text } = await open(newAgent())
    expect(text).not.toMatch(/ at .*:\d+:\d+|node_modules|\.ts\b|oidc-provider|stack|undefined|\[object|Koa/i)
  })
})
