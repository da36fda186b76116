import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Failure } from '../../src/errors/failure.ts'
import { app, live, openStage, type Stage, uid } from './stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await openStage({ issuer: 'https://id.example.com', trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] })
})
afterEach(() => stage.close())

const unavailable = new Failure('database_unavailable', 'unavailable', 'The database is away', {
  retryAfterSeconds: 5,
  cause: new Error('secret cause'),
})
const failing = (error: unknown) => async () => {
  throw error
}

describe('Security headers of HTML answers', () => {
  test.each([
    ['the landing page', '/', undefined],
    [
      'a page of the engine',
      '/auth',
      (ctx: { body: unknown; type: string }) => {
        ctx.type = 'html'
        ctx.body = '<p>from the engine'
      },
    ],
    ['an error page', '/auth', failing(new Error('boom'))],
  ] as const)('%s carries the security headers', async (_name, path, engine) => {
    if (engine) stage.engine = engine as never
    const { headers } = await stage.send(path)
    const policy = headers['content-security-policy'] as string
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      "style-src 'self'",
      "img-src 'self' https: data:",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ])
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'strict-transport-security': 'max-age=63072000; includeSubDomains',
      'cache-control': 'no-store',
    })
    expect(headers['permissions-policy']).toContain('camera=()')
  })
  test.each([
    ['the sign-in page', live()],
    ['a page with a logo', { state: 'gone', client: { ...app, logoUri: 'https://photos.example/logo.png' } } as const],
  ])('the policy of %s allows only the script of the page, by its hash', async (_name, lookup) => {
    stage.lookup = lookup
    const { headers, document } = await stage.send(`/interaction/${uid}`)
    const script = document.querySelector('script')?.text ?? ''
    const hash = createHash('sha256').update(script).digest('base64')
    expect(String(headers['content-security-policy']).split('; ')).toContain(`script-src 'sha256-${hash}'`)
  })
  test('an issuer with plain HTTP sends no HSTS header', async () => {
    const plain = await openStage()
    expect((await plain.send('/')).headers['strict-transport-security']).toBeUndefined()
    await plain.close()
  })
  test('a form_post page allows its one script by hash and has a button for browsers without scripts', async () => {
    stage.engine = (ctx) =>
      stage.pages.formPost(ctx, { action: 'https://a.example/cb', fields: { code: '"><script>', state: 's' } })
    const { headers, document, text } = await stage.send('/auth')
    const hash = createHash('sha256').update('document.forms[0].submit()').digest('base64')
    expect(headers['content-security-policy']).toContain(`script-src 'sha256-${hash}';`)
    expect(document.querySelector('script')?.textContent).toBe('document.forms[0].submit()')
    expect(document.querySelector('input[name=code]')?.getAttribute('value')).toBe('"><script>')
    expect(text.match(/<script/g)).toHaveLength(1)
    expect(document.querySelector('form button[type=submit]')).toBeTruthy()
  })
})

describe('Error answers', () => {
  test('an unexpected error is answered with 500 and a request id of the log, without its details', async () => {
    stage.engine = failing(new Error('secret stack'))
    const page = await stage.send('/token')
    expect([page.status, page.heading]).toEqual([500, 'This request cannot be completed'])
    expect(page.document.querySelector('#request-id')?.textContent).toBe(page.headers['x-request-id'])
    const json = await stage.send('/token', { headers: { accept: 'application/json' } })
    expect(JSON.parse(json.text)).toEqual({
      error: 'server_error',
      error_description: 'Something went wrong on our side.',
      request_id: json.headers['x-request-id'],
    })
    expect(page.text + json.text).not.toMatch(/secret|stack|\.ts|node_modules/)
    expect(stage.logged.map(([fields]) => (fields as { requestId: string }).requestId)).toContain(
      page.headers['x-request-id'],
    )
  })
  test('an unreachable database is answered with 503 and Retry-After, for people and programs', async () => {
    stage.engine = failing(unavailable)
    for (const accept of ['text/html', 'application/json']) {
      const reply = await stage.send('/auth', { headers: { accept } })
      expect([reply.status, reply.headers['retry-after']]).toEqual([503, '5'])
      expect(reply.text).not.toContain('secret')
    }
    const json = await stage.send('/token', { headers: { accept: '*/*' } })
    expect(JSON.parse(json.text).error).toBe('temporarily_unavailable')
  })
  test('an unknown path is answered with a page or JSON, as the Accept header requests', async () => {
    const page = await stage.send('/nowhere')
    expect([page.status, page.heading]).toEqual([404, 'Page not found'])
    const json = await stage.send('/nowhere', { headers: { accept: '*/*' } })
    expect([json.status, JSON.parse(json.text).error]).toEqual([404, 'not_found'])
    expect((await stage.send('/account/deeper')).status).toBe(404)
  })
  test('a page refuses other methods with 405 and names the methods that it accepts', async () => {
    const post = await stage.send('/', { method: 'POST' })
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS'])
    expect((await stage.send('/', { method: 'OPTIONS' })).status).toBe(204)
    const head = await stage.send('/', { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
  })
  test.each(['/token', '/token/revocation', '/request'])(
    '%s refuses GET with 405 and names POST as its method',
    async (path) => {
      const reply = await stage.send(path, { headers: { accept: '*/*' } })
      expect([reply.status, reply.headers.allow, JSON.parse(reply.text).error]).toEqual([
        405,
        'POST, OPTIONS',
        'invalid_request',
      ])
    },
  )
  test('a registered origin may read an error, another origin may not', async () => {
    stage.engine = failing(unavailable)
    const of = async (origin: string) =>
      (await stage.send('/token', { method: 'POST', headers: { origin, accept: '*/*' } })).headers
    expect((await of('https://photos.example'))['access-control-allow-origin']).toBe('https://photos.example')
    expect((await of('https://evil.example'))['access-control-allow-origin']).toBeUndefined()
  })
  test.each([
    ['GET', '/nowhere'],
    ['GET', '/account/deeper'],
    ['PUT', '/account'],
    ['POST', '/'],
    ['GET', '/interaction/nope/nothing'],
    ['POST', '/interaction/nope/login'],
    ['GET', '/auth'],
    ['GET', '/auth/nope'],
    ['GET', '/session/end'],
    ['POST', '/session/end/confirm'],
    ['GET', '/device'],
    ['POST', '/device'],
    ['GET', '/token/'],
    ['GET', '/Token'],
  ])('an error of a page has no CORS header, not even for a registered origin: %s %s', async (method, path) => {
    stage.engine = failing(unavailable)
    for (const accept of ['text/html', '*/*', 'application/json']) {
      const { status, headers } = await stage.send(path, {
        method,
        headers: { origin: 'https://photos.example', accept },
      })
      expect(status).toBeGreaterThanOrEqual(400)
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })
  test.each(['/token', '/token/revocation', '/token/introspection', '/me', '/request', '/device/auth'])(
    'an error of an endpoint that apps call from a browser is readable for a registered origin: %s',
    async (path) => {
      stage.engine = failing(unavailable)
      const headers = { origin: 'https://photos.example', accept: '*/*' }
      const reply = await stage.send(path, { method: 'POST', headers })
      expect(reply.headers['access-control-allow-origin']).toBe('https://photos.example')
    },
  )
  test('a registered origin may read the refusal of an oversize request', async () => {
    const reply = await stage.post(
      '/token',
      { a: 'b'.repeat(60_000) },
      { headers: { origin: 'https://photos.example', accept: '*/*' } },
    )
    expect([reply.status, reply.headers['access-control-allow-origin']]).toEqual([413, 'https://photos.example'])
  })
})

describe('Request ids and source addresses', () => {
  test('a trusted proxy may set the request id if it is well-formed', async () => {
    const idFor = async (id: string) =>
      (await stage.send('/', { headers: { 'x-request-id': id } })).headers['x-request-id']
    expect(await idFor('edge-12345678')).toBe('edge-12345678')
    for (const id of ['short', 'with blank 12345', '<script>alert(1)</script>', 'a'.repeat(65)])
      expect(await idFor(id)).toMatch(/^[0-9a-f]{16}$/)
  })
  test('an unlisted client may not set the request id', async () => {
    const open = await openStage()
    expect(
      (await open.send('/', { headers: { 'x-request-id': 'edge-12345678', 'x-forwarded-for': '6.6.6.6' } })).headers[
        'x-request-id'
      ],
    ).toMatch(/^[0-9a-f]{16}$/)
    expect(open.lines[0]?.source).toBe('127.0.0.1')
    await open.close()
  })
  test('the source of a request is the right-most address that is not a listed proxy', async () => {
    await stage.send('/', { headers: { 'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.1.2.3' } })
    expect(stage.lines[0]?.source).toBe('203.0.113.9')
  })
  test('the access log has neither the query nor the id of an interaction', async () => {
    await stage.send('/interaction/Nf0x2sT7vYQm3?code=secret')
    expect(stage.lines[0]).toMatchObject({ method: 'GET', path: '/interaction/:uid', status: 200 })
    expect(JSON.stringify(stage.lines)).not.toMatch(/secret|Nf0x2sT7/)
  })
})

describe('The landing page and the account page', () => {
  test('the landing page links the discovery document and the account page', async () => {
    const { document } = await stage.send('/')
    const links = document.querySelectorAll('a').map((link) => link.getAttribute('href'))
    expect(links).toEqual(
      expect.arrayContaining(['https://id.example.com/.well-known/openid-configuration', '/account']),
    )
  })
  test('the account page names the signed-in person and has a sign-out button', async () => {
    expect((await stage.send('/account')).document.querySelector('#sign-out')).toBeNull()
    stage.session = { accountId: 'acc_ada' }
    const { document, text } = await stage.send('/account')
    expect(text).toContain('ada@example.com')
    expect(document.querySelector('#sign-out')?.closest('form')?.getAttribute('action')).toBe('/session/end')
  })
  test('the account page treats a session of a removed account as signed out', async () => {
    stage.session = { accountId: 'acc_gone' }
    expect((await stage.send('/account')).text).toContain('You are not signed in')
  })
})
