import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

/** Sends raw bytes, for requests that no HTTP client would send. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(stage.port, '127.0.0.1', () => socket.end(text))
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.once('end', () => resolve(answer)).once('error', reject)
  })
}

describe('Only the host of the issuer is served', () => {
  test.each<[string, number, (own: string) => string]>([
    ['the issuer itself', 200, (own) => own],
    ['the issuer in capitals', 200, (own) => own.toUpperCase()],
    ['a foreign host', 421, () => 'evil.example'],
    ['a foreign host with the port of the issuer', 421, (own) => `evil.example:${own.split(':')[1]}`],
    ['the issuer without its port', 421, () => 'localhost'],
    ['the issuer with another port', 421, () => 'localhost:1'],
    ['the IP address of the issuer', 421, (own) => own.replace('localhost', '127.0.0.1')],
    ['a subdomain of the issuer', 421, (own) => `www.${own}`],
    ['a name that starts with the issuer', 421, (own) => own.replace('localhost', 'localhost.evil.example')],
    ['a trailing dot', 421, (own) => own.replace('localhost', 'localhost.')],
    ['a user name before the issuer', 421, (own) => `evil@${own}`],
    ['a path after the issuer', 421, (own) => `${own}/evil`],
    ['two hosts in one header', 421, (own) => `${own}, evil.example`],
    ['no value', 400, () => ''],
  ])('a Host header with %s is answered with %d', async (_name, status, host) => {
    const own = new URL(stage.url).host
    for (const path of ['/.well-known/openid-configuration', '/jwks', '/']) {
      const reply = await stage.send(path, { headers: { host: host(own) } })
      expect(reply.status).toBe(status)
      expect(reply.text).not.toContain('evil')
    }
  })

  test.each(['x-forwarded-host', 'x-forwarded-server', 'x-host', 'forwarded', 'x-original-host', 'x-forwarded-proto'])(
    'the header %s changes no byte of the discovery document',
    async (header) => {
      const plain = await stage.send('/.well-known/openid-configuration')
      const forged = await stage.send('/.well-known/openid-configuration', {
        headers: { [header]: 'host=evil.example' },
      })
      expect(forged.text).toBe(plain.text)
    },
  )

  test('a request with two Host headers or none is refused', async () => {
    const own = new URL(stage.url).host
    expect(await raw(`GET / HTTP/1.1\r\nHost: ${own}\r\nhost: evil.example\r\nConnection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 400/,
    )
    expect(await raw('GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 400/)
    expect(await raw('GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 400/)
  })

  test('a request target that is not a path is refused', async () => {
    const own = new URL(stage.url).host
    for (const target of ['http://evil.example/jwks', `http://${own}/jwks`, '*']) {
      expect(await raw(`OPTIONS ${target} HTTP/1.1\r\nHost: ${own}\r\nConnection: close\r\n\r\n`)).toMatch(
        /^HTTP\/1.1 400/,
      )
    }
  })
})

describe('A malformed request is refused before it is parsed', () => {
  test.each(['/%', '/a?b=%zz', '/%ff', '/a?b=%c3%28', '/a?b=%00', '/a\\b'])(
    'the malformed target %s is refused with 400',
    async (path) => {
      expect((await stage.send(path)).status).toBe(400)
    },
  )
  test('a target that is too long is refused with 414, too many parameters with 400', async () => {
    expect((await stage.send(`/auth?${'a'.repeat(9000)}`)).status).toBe(414)
    expect((await stage.send(`/auth?${'a=b&'.repeat(300)}`)).status).toBe(400)
  })
  test('headers of more than 16 KiB are refused with 431', async () => {
    expect((await stage.send('/', { headers: { cookie: 'a'.repeat(20_000) } })).status).toBe(431)
  })
  test('an unsupported method is refused with 405', async () => {
    for (const method of ['TRACE', 'PROPFIND', 'SEARCH']) expect((await stage.send('/', { method })).status).toBe(405)
  })
})

describe('Documents served from memory', () => {
  const paths = ['/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']

  test.each(paths)(
    '%s may be cached for 300 seconds, has a strong ETag, and answers a request with this ETag with 304',
    async (path) => {
      const first = await stage.send(path)
      expect(first.status).toBe(200)
      expect(first.headers['cache-control']).toBe('public, max-age=300')
      expect(first.headers.etag).toMatch(/^"[\w-]+"$/)
      expect(first.headers['access-control-allow-origin']).toBe('*')
      for (const seen of [first.headers.etag, `W/${first.headers.etag}`, `"x", ${first.headers.etag}`, '*']) {
        const again = await stage.send(path, { headers: { 'if-none-match': seen as string } })
        expect([again.status, again.text, again.headers.etag]).toEqual([304, '', first.headers.etag])
      }
      expect((await stage.send(`${path}?x=1`, { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
    },
  )
  test.each(paths)('%s answers HEAD without a body, a preflight with 204, and other methods with 405', async (path) => {
    const head = await stage.send(path, { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
    expect(Number(head.headers['content-length'])).toBeGreaterThan(10)
    expect((await stage.send(path, { method: 'OPTIONS' })).status).toBe(204)
    const post = await stage.send(path, { method: 'POST', body: 'x' })
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS'])
  })
  test('the caching time of the keys follows their schedule, and new keys have a new ETag', async () => {
    const before = await stage.send('/jwks')
    stage.keys = { publicJwks: { keys: [{ kid: 'k2' }] }, maxAgeSeconds: 7 }
    const after = await stage.send('/jwks')
    expect(after.headers['cache-control']).toBe('public, max-age=7')
    expect(after.headers.etag).not.toBe(before.headers.etag)
    expect(JSON.parse(after.text)).toEqual({ keys: [{ kid: 'k2' }] })
  })
  test('the stylesheet has a hash of its content in its name and may be cached forever', async () => {
    const [, path = ''] = /href="(\/assets\/claviger-[0-9a-f]{12}\.css)"/.exec((await stage.send('/')).text) ?? []
    const css = await stage.send(path)
    expect(css.headers['content-type']).toBe('text/css; charset=utf-8')
    expect(css.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  })
})

describe('Health', () => {
  test('/health/live answers 200 under any host name, even when every dependency fails', async () => {
    stage.database = false
    stage.draining = true
    expect((await stage.send('/health/live', { headers: { host: '10.0.0.7:8080' } })).status).toBe(200)
  })
  test('/health/ready answers 503 when a dependency fails, when the clock is wrong, and while draining', async () => {
    const ready = async () => (await stage.send('/health/ready', { headers: { host: '10.0.0.7' } })).status
    expect(await ready()).toBe(200)
    stage.database = false
    expect(await ready()).toBe(503)
    stage.database = true
    stage.signingKey = false
    expect(await ready()).toBe(503)
    stage.signingKey = true
    stage.revocations = false
    expect(await ready()).toBe(503)
    stage.revocations = true
    stage.notifications = false
    expect(await ready()).toBe(503)
    stage.notifications = true
    stage.clock = false
    expect(await ready()).toBe(503)
    stage.clock = true
    stage.draining = true
    expect(await ready()).toBe(503)
    expect((await stage.send('/')).headers.connection).toBe('close')
  })
})

describe('An issuer with a path', () => {
  beforeEach(async () => {
    await stage.close()
    stage = await openStage({ issuer: 'https://id.example.com/tenant/a' })
  })
  test('an issuer with a path is served only below its path', async () => {
    expect((await stage.send('/tenant/a')).heading).toBe('Sign-in service')
    expect((await stage.send('/tenant/a/')).status).toBe(200)
    for (const path of ['/', '/tenant', '/tenant/ab', '/jwks', '/interaction/x'])
      expect((await stage.send(path)).status).toBe(404)
    expect((await stage.send('/tenant/a/jwks')).status).toBe(200)
    expect((await stage.send('/tenant/a/.well-known/openid-configuration')).status).toBe(200)
    expect((await stage.send('/tenant/a/health/ready', { headers: { host: 'x' } })).status).toBe(200)
  })
  test('discovery of an issuer with a path answers at the address of RFC 8414', async () => {
    expect((await stage.send('/.well-known/oauth-authorization-server/tenant/a')).status).toBe(200)
  })
  test('the engine sees a path without the path of the issuer, and the full path in the original URL', async () => {
    let seen: unknown
    stage.engine = async (ctx) => {
      seen = [ctx.path, ctx.req.originalUrl, ctx.href, ctx.protocol, ctx.host, ctx.secure, ctx.origin]
      ctx.body = 'x'
    }
    await stage.send('/tenant/a/auth?x=1')
    const href = 'https://id.example.com/tenant/a/auth?x=1'
    expect(seen).toEqual([
      '/auth',
      '/tenant/a/auth?x=1',
      href,
      'https',
      'id.example.com',
      true,
      'https://id.example.com',
    ])
  })
  test('pages of an issuer with a path link pages and stylesheets below its path', async () => {
    const { document } = await stage.send('/tenant/a/')
    const local = document
      .querySelectorAll('link, a')
      .map((node) => node.getAttribute('href') ?? '')
      .filter((href) => href.startsWith('/'))
    expect(local.every((href) => href.startsWith('/tenant/a/'))).toBe(true)
  })
})
