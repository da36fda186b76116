/**
 * guessing estimates how many guesses a text withstands that a person made up. Passwords and client secrets are judged
 * by it. The list of English words is read at the first estimate, so that the server starts without it.
 */
import { createRequire } from 'node:module'

interface Dictionary {
  'commonWords-en': readonly string[]
}

let ranks: ReadonlyMap<string, number> | undefined

/** The rank of each word by how common it is, from 1. */
function wordRanks(): ReadonlyMap<string, number> {
  if (!ranks) {
    const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-en') as { dictionary: Dictionary }
    ranks = new Map(dictionary['commonWords-en'].map((word, index) => [word, index + 1]))
  }
  return ranks
}

const longestWord = 24
const shortestRepeat = 4

/**
 * The number of guesses as a power of two, for the cheapest way to compose the text. Its parts are common words (a word
 * costs its rank), earlier pieces of the text, runs such as `abcd` or `4321`, and single characters. Case does not
 * count. Signs between words cost little, because guessers vary them first.
 */
export function guessBits(text: string): number {
  const letters = [...text.toLowerCase()]
  const perCharacter = alphabetBits(text)
  const least = new Array<number>(letters.length + 1).fill(Number.POSITIVE_INFINITY)
  least[0] = 0
  const reach = (end: number, bits: number) => {
    least[end] = Math.min(least[end] ?? bits, bits)
  }
  for (let start = 0; start < letters.length; start += 1) {
    const before = least[start] ?? 0
    reach(start + 1, before + (/[\p{L}\p{N}]/u.test(letters[start] ?? '') ? perCharacter : signBits))
    const run = runLength(letters, start)
    if (run >= shortestRepeat) reach(start + run, before + perCharacter + Math.log2(run))
    const repeat = repeatLength(letters, start)
    if (repeat >= shortestRepeat) reach(start + repeat, before + Math.log2(start + 1) + Math.log2(repeat))
    let word = ''
    for (let end = start; end < Math.min(letters.length, start + longestWord); end += 1) {
      word += letters[end]
      const rank = wordRanks().get(word)
      if (rank !== undefined && (word.length > 2 || rank <= wellKnown)) reach(end + 1, before + Math.log2(rank + 1))
    }
  }
  return least[letters.length] ?? 0
}

const signBits = 2

/** Of the words with one or two letters, only the most common ones count; the others are abbreviations. */
const wellKnown = 100

/** The bits of one character, from the smallest usual alphabet that has all characters of the text. */
function alphabetBits(text: string): number {
  if (/^\d+$/.test(text)) return Math.log2(10)
  if (/^[\da-f-]+$/i.test(text)) return 4
  if (/^[a-z\s]+$/i.test(text)) return Math.log2(26)
  return /^[a-z\d\s]+$|^[A-Z\d\s]+$/.test(text) ? Math.log2(36) : 6
}

/**
 * The length of the run that begins here: each character follows the one before, upwards, downwards, or the same again.
 */
function runLength(letters: readonly string[], start: number): number {
  const step = (at: number) => (letters[at + 1]?.codePointAt(0) ?? Number.NaN) - (letters[at]?.codePointAt(0) ?? 0)
  const first = step(start)
  if (!(Math.abs(first) <= 1)) return 1
  let length = 2
  while (step(start + length - 1) === first) length += 1
  return length
}

/** The length of the longest piece from here that also begins earlier in the text. */
function repeatLength(letters: readonly string[], start: number): number {
  let longest = 0
  for (let from = 0; from < start; from += 1) {
    let length = 0
    while (start + length < letters.length && letters[from + length] === letters[start + length]) length += 1
    longest = Math.max(longest, length)
  }
  return longest
}
