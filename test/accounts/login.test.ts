import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { loginFault, normaliseLogin } from '../../src/accounts/login.ts'

const anyText = fc.string({ unit: 'binary', maxLength: 60 })
/** Text in which letters, marks and signs of an address are frequent. */
const addressLike = fc
  .tuple(
    fc.string({
      unit: fc.oneof(
        fc.constantFrom(...'aAßẞıİiIςσΣéÉK.Åﬁ１-'),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
      ),
      maxLength: 12,
    }),
    fc.domain(),
  )
  .map(([local, domain]) => `${local}@${domain}`)

describe('a sign-in name', () => {
  test.each([
    ['case is ignored', 'Jay@x.y', 'jay@x.y'],
    ['case of the domain is ignored', 'jay@X.Y', 'jay@x.y'],
    ['stray blanks are ignored', ' jay@x.y ', 'jay@x.y'],
    ['a pasted line end is ignored', 'jay@x.y\r\n', 'jay@x.y'],
    ['width is ignored', 'ｊａｙ＠x.y', 'jay@x.y'],
    ['composition is ignored', 'rene\u0301@x.y', 'ren\u00e9@x.y'],
    ['a final sigma is a sigma', 'ΟΔΟΣ@x.gr', 'οδοσ@x.gr'],
    ['a host without dots serves in a test network', 'demo@localhost', 'demo@localhost'],
    ['a plus address is its own name', 'jay+news@x.y', 'jay+news@x.y'],
    ['letters that merely look alike stay apart', 'admın@x.y', 'admın@x.y'],
  ])('%s', (_, typed, name) => {
    expect(normaliseLogin(typed)).toBe(name)
    expect(loginFault(typed)).toBeUndefined()
  })

  test.each([
    ['nothing', '', /empty/],
    ['blanks alone', '   ', /empty/],
    ['a word', 'jay', /name@domain/],
    ['two at signs', 'a@b@c.d', /name@domain/],
    ['no name', '@x.y', /name@domain/],
    ['no domain', 'jay@', /name@domain/],
    ['a blank inside', 'j ay@x.y', /blank/],
    ['a control character', 'j\u0000ay@x.y', /invisible or control/],
    ['a direction mark', 'jay\u202e@x.y', /invisible or control/],
    ['half a character', 'jay\ud800@x.y', /invisible or control/],
    ['angle brackets', '<jay@x.y>', /name@domain/],
    ['a domain that ends in a dot', 'jay@x.y.', /name@domain/],
    ['a domain with a hyphen at an edge', 'jay@-x.y', /name@domain/],
    ['more than 64 bytes before the at sign', `${'j'.repeat(65)}@x.y`, /64 bytes/],
    ['more than 320 bytes', `jay@${'x'.repeat(320)}.y`, /320 bytes/],
    ['a megabyte', 'j'.repeat(1_000_000), /320 bytes/],
    ['a letter that unfolds to eighteen', `${'\ufdfa'.repeat(40)}@x.y`, /blank|bytes/],
  ])('%s is none, and the fault says what would be right', (_, typed, fault) => {
    expect(normaliseLogin(typed)).toBeUndefined()
    expect(loginFault(typed)).toMatch(fault)
  })

  test('normalising twice changes nothing more, whatever is typed', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, addressLike), (typed) => {
        const name = normaliseLogin(typed)
        if (name !== undefined) expect(normaliseLogin(name)).toBe(name)
      }),
      { numRuns: 3000 },
    )
  })

  test('a normal name is short, visible and free of blanks, whatever was typed', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, addressLike), (typed) => {
        const name = normaliseLogin(typed)
        if (name === undefined) return
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(320)
        expect(name).not.toMatch(/[\p{C}\s]/u)
        expect(name.split('@')).toHaveLength(2)
      }),
      { numRuns: 3000 },
    )
  })

  test('any address in any case, with blanks around it, is one name', () => {
    const anyCase = fc.tuple(
      fc.emailAddress(),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      fc.constantFrom('', ' ', '\t '),
    )
    fc.assert(
      fc.property(anyCase, ([email, upper, blanks]) => {
        const varied = [...email]
          .map((letter, at) => (upper[at % 40] ? letter.toUpperCase() : letter.toLowerCase()))
          .join('')
        expect(normaliseLogin(`${blanks}${varied}${blanks}`)).toBe(normaliseLogin(email))
      }),
      { numRuns: 1000 },
    )
  })
})
