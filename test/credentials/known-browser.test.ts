import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { KnownBrowsers } from '../../src/credentials/known-browser.ts'

describe('a browser that a person signed in with', () => {
  let now: Date
  let keys: Uint8Array[]
  let browsers: KnownBrowsers

  beforeEach(() => {
    now = new Date('2026-06-01T00:00:00Z')
    keys = [randomBytes(32)]
    browsers = new KnownBrowsers({ keys: () => keys, now: () => now })
  })

  test('is known again, under the same id, for that person alone', () => {
    const cookie = browsers.issue('acc_ada')
    expect(browsers.verify(cookie, 'acc_ada')).toMatch(/^[\w-]{22}$/)
    expect(browsers.verify(cookie, 'acc_ada')).toBe(browsers.verify(cookie, 'acc_ada'))
    expect(browsers.verify(cookie, 'acc_bob')).toBeUndefined()
  })

  test('may be known to several people, each under an id of their own', () => {
    const cookie = browsers.issue('acc_bob', browsers.issue('acc_ada'))
    expect(browsers.verify(cookie, 'acc_ada')).toBeDefined()
    expect(browsers.verify(cookie, 'acc_bob')).toBeDefined()
    expect(browsers.verify(cookie, 'acc_bob')).not.toBe(browsers.verify(cookie, 'acc_ada'))
  })

  test('is known to five people at most, and the cookie stays small', () => {
    let cookie = ''
    for (let person = 0; person < 20; person += 1) cookie = browsers.issue(`acc_${person}`, cookie)
    expect(cookie.length).toBeLessThan(512)
    expect(cookie).toMatch(/^[\w.~-]+$/)
    const known = Array.from({ length: 20 }, (_, person) => browsers.verify(cookie, `acc_${person}`) !== undefined)
    expect(known.filter(Boolean)).toHaveLength(5)
    expect(known[19]).toBe(true)
  })

  test('is forgotten after 180 days', () => {
    const cookie = browsers.issue('acc_ada')
    now = new Date(now.getTime() + 179 * 86_400_000)
    expect(browsers.verify(cookie, 'acc_ada')).toBeDefined()
    now = new Date(now.getTime() + 86_400_000)
    expect(browsers.verify(cookie, 'acc_ada')).toBeUndefined()
  })

  test('stays known when the keys rotate, and not when its key is gone', () => {
    const cookie = browsers.issue('acc_ada')
    keys = [randomBytes(32), ...keys]
    expect(browsers.verify(cookie, 'acc_ada')).toBeDefined()
    keys = keys.slice(0, 1)
    expect(browsers.verify(cookie, 'acc_ada')).toBeUndefined()
  })

  test('cannot be made up: a changed cookie is none', () => {
    const cookie = browsers.issue('acc_ada')
    const [id = '', expiry = '', mac = ''] = cookie.split('.')
    const later = (Number.parseInt(expiry, 36) + 1).toString(36)
    for (const forged of [
      `${id}.${later}.${mac}`,
      `${id}.${expiry}.`,
      `${id}.${expiry}`,
      `${'A'.repeat(22)}.${expiry}.${mac}`,
    ]) {
      expect(browsers.verify(forged, 'acc_ada')).toBeUndefined()
    }
  })

  test('whatever a cookie holds, it is read without an error and proves nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\w-]{22}\.[0-9a-z]{7}\.[\w-]{43}$/)),
        (cookie) => {
          expect(browsers.verify(cookie, 'acc_ada')).toBeUndefined()
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('a cookie of a megabyte is not even taken apart', () => {
    expect(browsers.verify('~'.repeat(1_000_000), 'acc_ada')).toBeUndefined()
  })
})
