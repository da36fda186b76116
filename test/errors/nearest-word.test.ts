import { expect, test } from '@jest/globals'
import { nearestWord } from '../../src/errors/nearest-word.ts'

const known = ['sign-in.rejected', 'sign-in.succeeded', 'session.ended', 'code.reused']

test.each([
  ['sign-in.rejetced', 'sign-in.rejected'],
  ['signin.rejected', 'sign-in.rejected'],
  ['session.end', 'session.ended'],
  ['code.reused', 'code.reused'],
  ['nothing like it', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
])('of the known words the one nearest to %j is %j', (typed, nearest) => {
  expect(nearestWord(typed, known)).toBe(nearest)
})
