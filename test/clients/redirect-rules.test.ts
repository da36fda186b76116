import { describe, expect, test } from '@jest/globals'
import {
  isOriginAllowed,
  isPostLogoutRedirectUriAllowed,
  isRedirectUriAllowed,
} from '../../src/clients/redirect-rules.ts'
import { client, examples } from './clients.ts'

describe('a redirect URI is compared character by character', () => {
  const spa = client({ ...examples.spa, redirectUris: ['https://app.example/callback', 'http://localhost:5173/cb'] })
  test.each([
    ['the registered one is allowed', 'https://app.example/callback', true],
    ['another path is not', 'https://app.example/callback2', false],
    ['a slash more is not', 'https://app.example/callback/', false],
    ['a query more is not', 'https://app.example/callback?x=1', false],
    ['another case is not', 'https://APP.example/callback', false],
    ['the default port written out is not', 'https://app.example:443/callback', false],
    ['http is not', 'http://app.example/callback', false],
    ['a longer host is not', 'https://app.example.evil.example/callback', false],
    ['a user name in front is not', 'https://app.example@evil.example/callback', false],
    ['another loopback port is not, for an SPA', 'http://localhost:5174/cb', false],
  ])('%s', (_title, uri, allowed) => expect(isRedirectUriAllowed(spa, uri)).toBe(allowed))

  test.each([[undefined], [null], [['https://app.example/callback']], [{}]])('the value %j is refused', (uri) => {
    expect(isRedirectUriAllowed(spa, uri)).toBe(false)
  })
})

describe('a native app may listen on any loopback port (RFC 8252 §7.3)', () => {
  const native = client({ ...examples.native, postLogoutRedirectUris: ['http://127.0.0.1/bye'] })
  test.each([
    ['http://127.0.0.1:51004/cb', true],
    ['http://127.0.0.1/cb', true],
    ['com.example.desk:/callback', true],
    ['https://desk.example/cb', true],
    ['https://desk.example:8443/cb', false],
    ['http://localhost:51004/cb', false],
    ['http://127.0.0.1:51004/other', false],
    ['http://127.0.0.1:51004@evil.example/cb', false],
    ['http://user@127.0.0.1:51004/cb', false],
    ['http://127.0.0.1:99999/cb', false],
    ['http://127.0.0.1.evil.example:80/cb', false],
    ['http://127.0.0.1:51004:80/cb', false],
  ])('allowed %s: %p', (uri, allowed) => expect(isRedirectUriAllowed(native, uri)).toBe(allowed))

  test('the same rule applies to post-logout redirect URIs', () => {
    expect(isPostLogoutRedirectUriAllowed(native, 'http://127.0.0.1:51004/bye')).toBe(true)
    expect(isPostLogoutRedirectUriAllowed(native, 'http://127.0.0.1:51004/cb')).toBe(false)
  })
})

describe('an SPA may call from its own pages as soon as it is registered', () => {
  const spa = client({ ...examples.spa, origins: ['https://admin.example'] })
  test.each([
    ['the origin of its redirect URI', 'https://app.example', true],
    ['an origin registered besides', 'https://admin.example', true],
    ['another port', 'https://app.example:8443', false],
    ['a foreign origin', 'https://evil.example', false],
    ['the null origin', 'null', false],
  ])('%s', (_title, origin, allowed) => expect(isOriginAllowed(spa, origin)).toBe(allowed))

  test('a server app gets no origins from its redirect URIs, since its secret must not be in a browser', () => {
    expect(isOriginAllowed(client(examples.web), 'https://shop.example')).toBe(false)
  })

  test('the private-use scheme of a native app is no origin', () => {
    expect(isOriginAllowed(client({ ...examples.native, origins: ['https://desk.example'] }), 'null')).toBe(false)
  })
})
