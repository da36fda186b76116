import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { audienceFault } from '../../src/clients/audience.ts'
import { presets } from '../../src/clients/client.ts'
import { newClient } from '../../src/clients/new-client.ts'
import { redirectUriFault } from '../../src/clients/redirect-uri.ts'
import { originFault, pageUriFault } from '../../src/clients/uri-faults.ts'
import { Failure } from '../../src/errors/failure.ts'

describe('a redirect URI is absolute, exact and safe', () => {
  test.each([
    ['spa', 'https://app.example/callback'],
    ['spa', 'https://app.example'],
    ['spa', 'https://app.example/cb?tenant=7'],
    ['spa', 'http://localhost:5173/callback'],
    ['web', 'http://127.0.0.1:3000/cb'],
    ['web', 'http://[::1]:3000/cb'],
    ['native', 'http://127.0.0.1/cb'],
    ['native', 'com.example.app:/callback'],
    ['native', 'https://claimed.example/cb'],
  ] as const)('a %s client may register %s', (preset, uri) => expect(redirectUriFault(uri, preset)).toBeUndefined())

  test.each([
    ['spa', '/callback', /not an absolute URI/],
    ['spa', 'https://app.example/#done', /fragment/],
    ['spa', 'https://*.app.example/cb', /wildcards/],
    ['spa', 'http://app.example/cb', /use https/],
    ['spa', 'http://localhost.evil.example/cb', /use https/],
    ['spa', 'http://127.0.0.1.nip.example/cb', /use https/],
    ['spa', 'https://user:pw@app.example/cb', /user name/],
    ['spa', 'https://@app.example/cb', /user name/],
    ['spa', 'javascript:alert(1)', /scheme javascript: is not allowed/],
    ['spa', 'data:text/html,x', /scheme data: is not allowed/],
    ['spa', 'com.example.app:/cb', /scheme com\.example\.app: is not allowed/],
    ['native', 'javascript:alert(1)', /reversed domain name/],
    ['native', 'myapp://callback', /reversed domain name/],
    ['native', 'https://localhost/cb', /plain http/],
    ['spa', 'https://app.example/cb\r\nSet-Cookie: a=b', /no URI may contain/],
    ['spa', ' https://app.example/cb', /no URI may contain/],
    ['spa', 'https:\\\\app.example\\cb', /no URI may contain/],
    ['spa', 'https:app.example/cb', /write it in its normalised form: https:\/\/app\.example\/cb/],
    ['spa', 'https://APP.example/cb', /write it in its normalised form/],
    ['spa', 'https://app.example:443/cb', /write it in its normalised form/],
    ['spa', 'https://app.example/a/../cb', /write it in its normalised form/],
    ['spa', 'https://app.example/%2e%2e/cb', /write it in its normalised form/],
    ['spa', 'http://0x7f.0.0.1/cb', /write it in its normalised form/],
    ['spa', 'https://app.example/cb?code=1', /already contains "code"/],
    ['spa', `https://app.example/${'x'.repeat(2000)}`, /longer than 2000/],
    ['spa', '', /empty/],
    ['spa', 7, /must be text/],
  ] as const)('a %s client may not register %j', (preset, uri, fault) =>
    expect(redirectUriFault(uri, preset)).toMatch(fault),
  )
})

describe('a URI without a scheme is answered with the right one', () => {
  test.each([
    ['app.example/callback', 'https://app.example/callback'],
    ['//app.example/callback', 'https://app.example/callback'],
    ['APP.example/callback?a=1', 'https://app.example/callback?a=1'],
    ['app.example:8443/callback', 'https://app.example:8443/callback'],
    ['app.example', 'https://app.example'],
    ['192.168.1.5:3000/cb', 'https://192.168.1.5:3000/cb'],
    ['localhost:5173/callback', 'http://localhost:5173/callback'],
    ['127.0.0.1/cb', 'http://127.0.0.1/cb'],
    ['[::1]:3000/cb', 'http://[::1]:3000/cb'],
  ])('%s: write %s', (uri, right) => {
    for (const preset of ['spa', 'native'] as const) {
      expect(redirectUriFault(uri, preset)).toBe(`it has no scheme; write ${right}`)
      expect(redirectUriFault(right, preset)).toBeUndefined()
    }
    expect(pageUriFault(uri)).toBe(`it has no scheme; write ${right}`)
  })

  test('a missing scheme is reported for origins and APIs too', () => {
    expect(originFault('app.example:8443')).toBe('it has no scheme; write https://app.example:8443')
    expect(audienceFault('api.example/v1')).toBe('it has no scheme; write https://api.example/v1')
  })

  test.each([
    '/callback',
    'callback',
    'com.example.app:/callback',
    'javascript:alert(1)',
    'urn:example:orders',
    '1.2:3',
  ])('%s is not reported as a URI without a scheme', (uri) =>
    expect(redirectUriFault(uri, 'spa')).not.toMatch(/has no scheme/),
  )
})

describe('an origin is what a browser sends', () => {
  test.each(['https://app.example', 'http://localhost:5173', 'https://app.example:8443'])(
    'the origin %s is accepted',
    (origin) => {
      expect(originFault(origin)).toBeUndefined()
    },
  )
  test.each([
    'https://app.example/',
    'http://app.example',
    '*',
    'null',
    'https://app.example?x',
    'file:///',
    'javascript:0',
  ])('%s is refused as an origin', (origin) => expect(originFault(origin)).toEqual(expect.any(String)))
})

// Pieces from which hostile URIs are put together: schemes, hosts, and what confuses parsers between them.
const pieces = fc.oneof(
  fc.constantFrom(
    'https://',
    'http://',
    'HTTPS://',
    'javascript:',
    'data:',
    'com.example.app:/',
    '//',
    '\\\\',
    'localhost',
    '127.0.0.1',
    '[::1]',
    'app.example',
    '@',
    ':',
    ':443',
    ':99999',
    '/',
    '/../',
    '%2e%2e',
    '%0d%0a',
    '\r\n',
    '\t',
    '\u0000',
    '\u202e',
    '#',
    '?',
    '*',
    '&code=',
    'ß',
    '。',
    '[',
    ']',
    '%',
    '..',
    'urn:',
    'urn:a:b',
  ),
  fc.string({ maxLength: 12 }),
  fc.string({ maxLength: 6, unit: 'binary' }),
)
const hostile = fc.oneof(
  fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.anything(),
)

describe('thousands of hostile inputs', () => {
  test.each(presets)('every redirect URI that a %s client may register is safe in a Location header', (preset) => {
    fc.assert(
      fc.property(hostile, (uri) => {
        if (redirectUriFault(uri, preset) !== undefined) return
        const text = uri as string
        expect(text).toMatch(/^[\x21-\x7e]+$/)
        expect(text).not.toMatch(/[#*\\"<>]/)
        const url = new URL(text)
        expect(url.username + url.password + url.hash).toBe('')
        const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
        const safe =
          url.protocol === 'https:' ||
          (url.protocol === 'http:' && loopback) ||
          (preset === 'native' && url.protocol.includes('.'))
        expect(safe).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })

  test('the other URI checks never throw, and accept nothing with a control character, fragment or user name', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(originFault, pageUriFault, audienceFault), (uri, faultOf) => {
        if (faultOf(uri) !== undefined) return
        expect(uri).toMatch(/^[\x21\x24-\x29\x2b-\x5b\x5d-\x7e]+$/)
        expect(new URL(uri as string).username).toBe('')
      }),
      { numRuns: 6000 },
    )
  })

  test('a client of random values is accepted or refused by a Failure, never by another error', () => {
    const anyClient = fc.record(
      {
        preset: fc.oneof(fc.constantFrom(...presets), fc.anything()),
        name: fc.anything(),
        id: fc.anything(),
        redirectUris: fc.oneof(fc.array(hostile), fc.anything()),
        postLogoutRedirectUris: fc.oneof(fc.array(hostile), fc.anything()),
        origins: fc.anything(),
        apis: fc.oneof(fc.array(hostile), fc.anything()),
        jwks: fc.oneof(
          fc.record({
            keys: fc.array(
              fc.oneof(fc.anything(), fc.record({ kty: fc.constantFrom('EC', 'RSA', 'OKP', 'oct'), n: fc.anything() })),
            ),
          }),
          fc.anything(),
        ),
        startUri: hostile,
        secret: fc.anything(),
        secretDigest: fc.anything(),
        pkce: fc.anything(),
        idTokenAlg: fc.anything(),
        tokenEndpointAuthMethod: fc.anything(),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(anyClient, fc.anything()), (input) => {
        try {
          newClient(input as never)
        } catch (error) {
          expect(error).toBeInstanceOf(Failure)
          // No raw control character reaches a terminal by way of a fault.
          expect((error as Failure).message).not.toMatch(/[\p{Cc}\u2028-\u202e]/u)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
