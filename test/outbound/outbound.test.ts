/** Requests to servers that clients name: allowed targets, time limits and size limits. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { LookUp } from '../../src/outbound/address-reach.ts'
import { createGuardedFetch } from '../../src/outbound/outbound.ts'
import { closeAll, serve, speak } from './stage.ts'

afterAll(closeAll)

/** As in production: no host is listed, and every name resolves to this address. */
const strictly = (...addresses: string[]) =>
  createGuardedFetch({ allowed: [], lookUp: async () => addresses.map(asAddress) })
const asAddress = (address: string) => ({ address, family: address.includes(':') ? 6 : 4 })
const locally = createGuardedFetch({ allowed: ['127.0.0.0/8', '::1'] })
const failing = (code: string) => expect.objectContaining({ name: 'Failure', code })
const patient = { timeoutMs: 60_000 }

describe('the target of a request', () => {
  test.each([
    ['loopback', '127.0.0.1'],
    ['loopback by another number', '127.9.9.9'],
    ['this host', '0.0.0.0'],
    ['a private network', '10.0.0.1'],
    ['a private network', '172.16.0.1'],
    ['a private network', '172.31.255.255'],
    ['a private network', '192.168.1.1'],
    ['a cloud’s metadata', '169.254.169.254'],
    ['a cloud’s metadata behind carrier NAT', '100.100.100.200'],
    ['a cloud’s metadata at a public address', '168.63.129.16'],
    ['protocol assignments', '192.0.0.8'],
    ['documentation', '192.0.2.1'],
    ['documentation', '203.0.113.9'],
    ['benchmarks', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['reserved space', '240.0.0.1'],
    ['IPv6 loopback', '::1'],
    ['IPv6 unspecified', '::'],
    ['IPv4 loopback, mapped', '::ffff:127.0.0.1'],
    ['IPv4 metadata, mapped in hexadecimal', '::ffff:a9fe:a9fe'],
    ['IPv4 loopback, compatible', '::7f00:1'],
    ['IPv4 loopback through NAT64', '64:ff9b::7f00:1'],
    ['IPv4 metadata through NAT64', '64:ff9b::169.254.169.254'],
    ['a local NAT64', '64:ff9b:1::1'],
    ['IPv4 loopback through 6to4', '2002:7f00:1::'],
    ['Teredo', '2001:0:1::1'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%lo'],
    ['unique local', 'fd00:ec2::254'],
    ['old site-local', 'fec0::1'],
    ['IPv6 multicast', 'ff02::1'],
    ['IPv6 documentation', '2001:db8::1'],
    ['newer IPv6 documentation', '3fff::1'],
    ['unassigned space', '4000::1'],
  ])('a request to %s is refused: a name that resolves to %s', async (_, address) => {
    await expect(strictly(address)('https://hooks.example/')).rejects.toEqual(failing('outbound_address_refused'))
  })

  test.each([
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.0.0.1/',
    'https://0177.0.0.1/',
    'https://１２７.0.0.1/',
    'https://127.0.0.1./',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://169.254.169.254/latest/meta-data/',
  ])('an internal address is refused in every notation: %s', async (url) => {
    await expect(strictly('93.184.215.14')(url)).rejects.toEqual(failing('outbound_address_refused'))
  })

  test('http without TLS is refused for public servers and for servers that are not listed', async () => {
    await expect(strictly('93.184.215.14')('http://hooks.example/')).rejects.toEqual(
      failing('outbound_address_refused'),
    )
    await expect(strictly('127.0.0.1')('http://hooks.example/')).rejects.toThrow(/CLAVIGER_OUTBOUND_ALLOWED/)
  })

  test.each([
    ['a listed block', ['127.0.0.0/8']],
    ['a listed address', ['127.0.0.1']],
    ['a listed address, mapped', ['::ffff:127.0.0.1']],
    ['a listed host', ['hooks.internal']],
    ['a listed host in capitals', ['Hooks.Internal']],
  ])('%s can be reached, also by http', async (_, allowed) => {
    const { port } = await serve((_request, response) => response.end('well'))
    const fetch = createGuardedFetch({ allowed, lookUp: async () => [asAddress('127.0.0.1')] })
    const answer = await fetch(`http://hooks.internal:${port}/`, patient)
    expect([answer.status, Buffer.from(answer.body).toString()]).toEqual([200, 'well'])
  })

  test('a listed host does not allow another host at the same address', async () => {
    const fetch = createGuardedFetch({ allowed: ['hooks.internal'], lookUp: async () => [asAddress('127.0.0.1')] })
    for (const host of ['other.internal', 'hooks.internal.evil.example', 'xhooks.internal'])
      await expect(fetch(`https://${host}/`)).rejects.toEqual(failing('outbound_address_refused'))
  })

  test('of the addresses of a name, only the allowed ones are tried', async () => {
    const { port, asked } = await serve((_request, response) => response.end())
    const fetch = createGuardedFetch({
      allowed: ['127.0.0.1'],
      lookUp: async () => ['10.0.0.1', '127.0.0.2', '127.0.0.1', 'fd00::1'].map(asAddress),
    })
    expect((await fetch(`http://hooks.example:${port}/`, patient)).status).toBe(200)
    expect(asked).toEqual(['GET /'])
  })

  test('a name whose address changes after the check (DNS rebinding) reaches no private address', async () => {
    const meant = await serve((_request, response) => response.end('meant'), '127.0.0.2')
    const secret = await serve((_request, response) => response.end('secret'), '127.0.0.1', meant.port)
    let lookUps = 0
    const lookUp: LookUp = async () => {
      lookUps += 1
      return [asAddress(lookUps % 2 === 1 ? '127.0.0.2' : '127.0.0.1')]
    }
    const fetch = createGuardedFetch({ allowed: ['127.0.0.2'], lookUp })
    const ends = []
    for (let time = 0; time < 20; time += 1)
      ends.push(
        await fetch(`http://rebinding.example:${meant.port}/`, patient).then(
          ({ body }) => Buffer.from(body).toString(),
          ({ code }) => code,
        ),
      )
    expect(ends).toEqual(Array.from({ length: 10 }, () => ['meant', 'outbound_address_refused']).flat())
    expect([lookUps, meant.asked.length, secret.asked.length]).toEqual([20, 10, 0])
  })

  test.each(['ftp://a.example/', 'file:///etc/passwd', 'data:,x', 'javascript:1', 'a.example', '', 'https://', '//x'])(
    'a URL that is not http or https is refused: %s',
    async (url) => {
      await expect(locally(url)).rejects.toEqual(failing('outbound_url_refused'))
    },
  )

  test.each(['https://user@a.example/', 'https://user:password@a.example/', 'https://:password@a.example/'])(
    'a URL with a user name or password is refused, and the error repeats neither: %s',
    async (url) => {
      const refused = await locally(url).catch((error) => error)
      expect(refused).toEqual(failing('outbound_url_refused'))
      expect(JSON.stringify([refused.message, refused.detail])).not.toMatch(/password@|user@|:password/)
    },
  )

  test('a redirect is not followed', async () => {
    const secret = await serve((_request, response) => response.end('secret'))
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = await serve((_request, response) => response.writeHead(status, { location: secret.url }).end())
      expect((await locally(url, patient)).status).toBe(status)
    }
    expect(secret.asked).toEqual([])
  })

  test('a proxy in the environment is not used', async () => {
    const proxy = await serve((_request, response) => response.end('proxy'))
    const server = await serve((_request, response) => response.end('server'))
    const program = `
      import { createGuardedFetch } from './src/outbound/outbound.ts'
      const answer = await createGuardedFetch({ allowed: ['127.0.0.1'] })('${server.url}', { timeoutMs: 60000 })
      process.stdout.write(Buffer.from(answer.body))`
    const env = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url, http_proxy: proxy.url, NO_PROXY: '' }
    const run = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { env })
    expect([run.stdout, proxy.asked]).toEqual(['server', []])
  })

  test('any URL is either requested at a public or listed address, or refused with an error code', async () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6())
    const url = fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.string(), fc.string({ unit: 'binary' }))
    await fc.assert(
      fc.asyncProperty(url, fc.array(address, { maxLength: 3 }), async (given, addresses) => {
        // Aborted before it starts, so that a request that passes the checks goes no further.
        const given_up = AbortSignal.abort()
        const fetch = createGuardedFetch({ allowed: [], lookUp: async () => addresses.map(asAddress) })
        await expect(fetch(given, { signal: given_up })).rejects.toMatchObject({
          name: 'Failure',
          code: expect.stringMatching(/^outbound_/),
        })
      }),
      { numRuns: 500 },
    )
  })
})

describe('the limits of a request', () => {
  const soon = { timeoutMs: 300 }

  test('a request to a server that accepts the connection and sends nothing times out', async () => {
    await expect(locally(await speak(() => {}), soon)).rejects.toEqual(failing('outbound_timed_out'))
  })

  test('a request times out when the server sends its headers slowly', async () => {
    const url = await speak((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      const drip = setInterval(() => socket.write('x-a: b\r\n'), 20)
      socket.on('close', () => clearInterval(drip))
    })
    await expect(locally(url, soon)).rejects.toEqual(failing('outbound_timed_out'))
  })

  test('a request times out when the server sends its body slowly', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(drip))
    })
    await expect(locally(url, soon)).rejects.toEqual(failing('outbound_timed_out'))
  })

  test('a request times out when its name is not resolved in time', async () => {
    const fetch = createGuardedFetch({ allowed: [], lookUp: () => new Promise(() => {}) })
    await expect(fetch('https://slow.example/', soon)).rejects.toEqual(failing('outbound_timed_out'))
  })

  test('the caller can abort a request before and during the exchange', async () => {
    const { url } = await serve(() => {})
    await expect(locally(url, { ...patient, signal: AbortSignal.abort() })).rejects.toEqual(failing('outbound_aborted'))
    const enough = new AbortController()
    const slow = await speak(() => enough.abort())
    await expect(locally(slow, { ...patient, signal: enough.signal })).rejects.toEqual(failing('outbound_aborted'))
  })

  test('a response up to the limit is read and a longer one is refused, with or without a content length', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/said') response.setHeader('content-length', '1001')
      response.end(Buffer.alloc(request.url === '/fits' ? 1000 : 1001))
    })
    expect((await locally(`${url}/fits`, { ...patient, maxBytes: 1000 })).body).toHaveLength(1000)
    for (const path of ['/said', '/unsaid'])
      await expect(locally(url + path, { ...patient, maxBytes: 1000 })).rejects.toEqual(failing('outbound_too_large'))
  })

  test('endless bodies and endless headers are refused', async () => {
    const endless = await serve((_request, response) => {
      const pour = () => {
        while (response.write(Buffer.alloc(65_536)));
        response.once('drain', pour)
      }
      pour()
    })
    await expect(locally(endless.url, patient)).rejects.toEqual(failing('outbound_too_large'))
    const headers = await speak((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${`x-a: ${'b'.repeat(1000)}\r\n`.repeat(100)}`)
    })
    await expect(locally(headers, patient)).rejects.toEqual(failing('outbound_unreachable'))
  })

  test('a compressed response is not decompressed', async () => {
    const { url, asked } = await serve((request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
    })
    await expect(locally(url, patient)).rejects.toEqual(failing('outbound_encoded'))
    expect(asked).toHaveLength(1)
  })
})

describe('the response', () => {
  test('the request and the response arrive complete', async () => {
    let sent = ''
    const { url } = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (text) => {
        sent += text
      })
      request.on('end', () =>
        response
          .writeHead(202, { 'x-type': String(request.headers['content-type']), 'set-cookie': ['a=1', 'b=2'] })
          .end('ça'),
      )
    })
    const answer = await locally(url, {
      ...patient,
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: 'Grüße',
    })
    expect(sent).toBe('Grüße')
    expect([answer.status, answer.headers.get('x-type'), answer.headers.getSetCookie()]).toEqual([
      202,
      'text/plain',
      ['a=1', 'b=2'],
    ])
    expect(Buffer.from(answer.body).toString()).toBe('ça')
  })

  test.each([
    ['nothing listens on the port', async () => 'http://127.0.0.1:1/'],
    ['it closes the connection', () => speak((socket) => socket.destroy())],
    [
      'it closes the connection within the body',
      () => speak((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')),
    ],
    ['it does not speak HTTP', () => speak((socket) => socket.end('220 mail.example ESMTP\r\n'))],
    ['it does not speak TLS', async () => (await speak((socket) => socket.end('hello'))).replace('http:', 'https:')],
    [
      'it switches to another protocol',
      () => speak((socket) => socket.end('HTTP/1.1 101 X\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n')),
    ],
  ])('an error code reports a server without a valid response: %s', async (_, start) => {
    await expect(locally(await start(), patient)).rejects.toEqual(failing('outbound_unreachable'))
  })

  test('an error code reports a name that does not resolve', async () => {
    await expect(strictly()('https://nowhere.example/')).rejects.toEqual(failing('outbound_unresolved'))
    const lookUp = async () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }))
    await expect(createGuardedFetch({ allowed: [], lookUp })('https://nowhere.example/')).rejects.toEqual(
      failing('outbound_unresolved'),
    )
  })
})
