import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { expect, test } from '@jest/globals'
import { guessBits } from '../../src/guessing/guessing.ts'

const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-en') as {
  dictionary: { 'commonWords-en': string[] }
}
const words = dictionary['commonWords-en'].filter((word) => /^[a-z]{3,}$/.test(word)).slice(0, 7776)

test.each([
  ['common words run together', 'correcthorsebatterystaple', 50],
  ['one word many times', 'password'.repeat(8), 30],
  ['one word many times, with an end', `${'password'.repeat(5)}Xy7`, 45],
  ['a run of the alphabet and the digits', 'abcdefghijklmnopqrstuvwxyz0123456789', 30],
  ['one character many times', 'x'.repeat(64), 15],
  ['a sentence', 'this is the secret of our billing service', 90],
])('%s withstands few guesses', (_what, text, most) => {
  expect(guessBits(text)).toBeLessThan(most)
})

test('what is drawn at random counts for about what was drawn', () => {
  for (let round = 0; round < 500; round += 1) {
    expect(guessBits(randomBytes(16).toString('hex'))).toBeGreaterThan(100)
    expect(guessBits(randomBytes(32).toString('base64url'))).toBeGreaterThan(180)
    expect(guessBits(randomUUID())).toBeGreaterThan(100)
  }
})

test('six words drawn from a list of 7776 withstand more than fifty bits of guesses', () => {
  for (let round = 0; round < 500; round += 1) {
    const drawn = Array.from({ length: 6 }, () => words[randomInt(words.length)])
    expect({ drawn, bits: guessBits(drawn.join('')) }).toMatchObject({ bits: expect.any(Number) })
    expect(guessBits(drawn.join(''))).toBeGreaterThan(50)
  }
})

test('a text of the greatest length is judged', () => {
  expect(guessBits('ab'.repeat(512))).toBeLessThan(50)
})
