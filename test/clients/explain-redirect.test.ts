import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { explainOrigin, explainRedirectUri } from '../../src/clients/explain-redirect.ts'
import { client, examples } from './clients.ts'

describe('the explanation of a refused redirect URI names the exact difference', () => {
  const spa = client({
    ...examples.spa,
    redirectUris: [
      'https://app.example/callback',
      'https://stage.app.example/callback',
      'http://localhost:5173/callback',
    ],
  })

  test.each([
    [
      'a slash too many',
      'https://app.example/callback/',
      'https://app.example/callback',
      'The path has an extra trailing slash: received "/callback/", registered "/callback".',
    ],
    [
      'another path',
      'https://app.example/callbck',
      'https://app.example/callback',
      'The path differs: received "/callbck", registered "/callback".',
    ],
    [
      'upper case',
      'https://app.example/Callback',
      'https://app.example/callback',
      'The path differs in upper and lower case: received "/Callback", registered "/callback".',
    ],
    [
      'http for https',
      'http://app.example/callback',
      'https://app.example/callback',
      'The scheme differs: received "http", registered "https".',
    ],
    [
      'another host',
      'https://prod.app.example/callback',
      'https://app.example/callback',
      'The host differs: received "prod.app.example", registered "app.example".',
    ],
    [
      'another port',
      'http://localhost:5174/callback',
      'http://localhost:5173/callback',
      'The port differs: received "5174", registered "5173".',
    ],
    [
      'a query',
      'https://app.example/callback?a=1',
      'https://app.example/callback',
      'The query differs: received "?a=1", registered none.',
    ],
    [
      'a fragment',
      'https://app.example/callback#x',
      'https://app.example/callback',
      'The fragment differs: received "#x", registered none.',
    ],
    [
      'another spelling of the same',
      'https://APP.example/callback',
      'https://app.example/callback',
      'Both URIs are equivalent but written differently, and URIs are compared character by character; send https://app.example/callback.',
    ],
    [
      'a blank at the end',
      'https://app.example/callback ',
      'https://app.example/callback',
      'The received URI contains a space or line break; send it without.',
    ],
    [
      'no scheme',
      'localhost:5173/callback',
      'http://localhost:5173/callback',
      'The received URI has no scheme; http://localhost:5173/callback is registered.',
    ],
    [
      'no URI at all',
      'callback',
      'http://localhost:5173/callback',
      'The received URI is not absolute; send scheme, host and path.',
    ],
  ])('%s', (_title, received, closest, difference) => {
    expect(explainRedirectUri(spa, received)).toMatchObject({ allowed: false, closest: expect.any(String), difference })
    if (received !== 'callback') expect(explainRedirectUri(spa, received).closest).toBe(closest)
  })

  test('a registered redirect URI is reported as registered', () => {
    expect(explainRedirectUri(spa, 'https://app.example/callback')).toMatchObject({
      allowed: true,
      difference: 'It is registered.',
    })
  })

  test('a client without redirect URIs is reported as such', () => {
    expect(explainRedirectUri(client(examples.service), 'https://a.example/').difference).toBe(
      'No redirect URI is registered for this client.',
    )
  })

  test('hostile URIs are explained without a throw, on one line and truncated', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ maxLength: 50, unit: 'binary' }), fc.webUrl(), fc.constant(`https://${'a'.repeat(5000)}`)),
        (uri) => {
          const { received, difference } = explainRedirectUri(spa, uri)
          for (const text of [received, difference]) {
            expect(text).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
            expect(text.length).toBeLessThan(2000)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('a refused origin is explained', () => {
  const spa = client(examples.spa)
  test.each([
    ['another port', 'https://app.example:8443', 'The port differs: received "8443", registered "the default one".'],
    ['a slash', 'https://app.example/', /^Both URIs are equivalent but written differently/],
    ['the null origin', 'null', /^The page has no origin/],
  ])('%s', (_title, origin, difference) => {
    const explained = explainOrigin(spa, origin)
    expect(explained.allowed).toBe(false)
    expect(explained.difference).toEqual(
      typeof difference === 'string' ? difference : expect.stringMatching(difference),
    )
  })
  test('the explanation for a server app names --origin', () => {
    expect(explainOrigin(client(examples.web), 'https://shop.example').difference).toMatch(
      /No origin is registered.*--origin/,
    )
  })
  test('an allowed origin is reported as allowed', () =>
    expect(explainOrigin(spa, 'https://app.example').allowed).toBe(true))
})
