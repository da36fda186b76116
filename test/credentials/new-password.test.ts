import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { checkNewPassword, newPasswordFault } from '../../src/credentials/new-password.ts'

const context = { words: ['ada.lovelace@example.com', 'Ada Lovelace', 'Claviger', 'login.example.com'] }

describe('a new password', () => {
  test.each([
    ['a passphrase', 'violet tram 9 lunches'],
    ['lower-case letters alone', 'umbrellasidewayskettlemarzipan'],
    ['any Unicode', 'синий трамвай и чайник'],
    ['emoji, each one character', '🐘🚲🌧🎻🥝🦉🧂🪁🛶🪴🧵🦔🫖🪗🍋'],
    ['blanks', ' ripe  mango at 9 '],
    ['64 characters', randomLike(64)],
    ['1024 bytes', randomLike(1024)],
  ])('may be %s', (_, password) => {
    expect(newPasswordFault(password, context)).toBeUndefined()
  })

  test.each([
    ['empty', '', /0 of the 15/],
    ['fourteen characters', 'umbrella-kettl', /14 of the 15/],
    ['seven emoji, though they are 28 bytes', '🐘🚲🌧🎻🥝🦉🧂', /7 of the 15/],
    ['over 1024 bytes', randomLike(1025), /longer than 1024 bytes/],
    ['half a character', `umbrellasideways\ud800`, /Unicode/],
    ['a common word with digits around it', 'Password1234567', /guessers/],
    ['a common word in disguise', 'P@ssw0rd!!!2024!!', /guessers/],
    ['a common word twice', 'PasswordPassword', /guessers/],
    ['a well-known phrase', 'the quick brown fox jumps', /guessers/],
    ['common words run together', 'correcthorsebatterystaple', /guessers/],
    ['the passphrase of a well-known comic, with blanks', 'Correct Horse Battery Staple', /guessers/],
    ['common words run together with a year', 'correcthorsebatterystaple2026!', /guessers/],
    ['three words run together', 'sunshinecoffeemonday', /guessers/],
    ['one letter over and over', 'aaaaaaaaaaaaaaaaaaaa', /guessers/],
    ['a short pattern over and over', 'abcabcabcabcabcabc', /guessers/],
    ['the digits in order', '123456789012345', /guessers/],
    ['the alphabet backwards', 'zyxwvutsrqponmlkji', /guessers/],
    ['a row of the keyboard', 'qwertyuiopasdfgh', /guessers/],
    ['the email', 'Ada.Lovelace@example.com', /guessers/],
    ['the email with a year', 'ada.lovelace@example.com2026', /guessers/],
    ['the name twice', 'adalovelaceadalovelace', /guessers/],
    ['the service with digits', 'claviger20262026!', /guessers/],
  ])('may not be %s', (_, password, fault) => {
    expect(newPasswordFault(password, context)).toMatch(fault)
  })

  test('beside a second factor needs eight characters only', () => {
    expect(newPasswordFault('umbr-ket', { ...context, factors: 'besideSecondFactor' })).toBeUndefined()
    expect(newPasswordFault('umbr-ke', { ...context, factors: 'besideSecondFactor' })).toMatch(/7 of the 8/)
  })

  test('is refused with a Failure that does not repeat it', () => {
    expect(() => checkNewPassword('hunter2', context)).toThrow(
      expect.objectContaining({ code: 'password_refused', kind: 'invalid' }),
    )
    expect(() => checkNewPassword('hunter2', context)).not.toThrow(/hunter2/)
  })

  test('drawn at random is always welcome', () => {
    const random = fc.string({
      unit: fc.constantFrom(...'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'),
      minLength: 20,
      maxLength: 20,
    })
    fc.assert(
      fc.property(
        random.filter((text) => new Set(text).size > 8),
        (password) => newPasswordFault(password, context) === undefined,
      ),
    )
  })

  test('of any content is judged without an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (password) => {
        newPasswordFault(password, { words: [password, undefined, ''] })
      }),
    )
  })
})

/** Deterministic text without a pattern, one byte a character. */
function randomLike(length: number): string {
  let state = 7
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647
    return String.fromCharCode(97 + (state % 26))
  }).join('')
}
