import { Failure } from '../errors/failure.ts'
import { guessBits } from '../guessing/guessing.ts'
import { commonPhrases, commonWords } from './common-passwords.ts'
import { longestPasswordBytes, mayBePassword } from './password-hasher.ts'

/** A password alone needs 15 characters; beside a second factor it needs 8 (NIST SP 800-63B-4 §3.1.1.2). */
export const shortestPassword = { alone: 15, besideSecondFactor: 8 } as const

export interface PasswordContext {
  /** Words that a guesser would try for this person: email, name, the service's name and host. */
  words: readonly (string | undefined)[]
  factors?: keyof typeof shortestPassword
}

/**
 * The fault of a new password; undefined for an acceptable one. The length counts, and guessers must not try it first.
 * Any Unicode is allowed, and no kinds of characters are required.
 */
export function newPasswordFault(password: string, context: PasswordContext): string | undefined {
  if (password !== '' && !mayBePassword(password)) {
    return `The password is longer than ${longestPasswordBytes} bytes; choose a shorter one`
  }
  const text = password.normalize('NFKC')
  const shortest = shortestPassword[context.factors ?? 'alone']
  const length = [...text].length // code points, as the standard counts
  if (length < shortest) {
    return `The password has ${length} of the ${shortest} characters it needs; six unrelated words make a good one`
  }
  if (/\p{Cc}/u.test(text))
    return 'The password has control characters, which cannot be typed in a browser; leave them out'
  if (!text.isWellFormed()) return 'The password is not valid Unicode; type it again'
  return isGuessedFirst(text, context.words)
    ? 'This password is one of the first that guessers try; choose one that is harder to guess'
    : undefined
}

/** @throws Failure `password_refused` (invalid) with the fault as its sentence. */
export function checkNewPassword(password: string, context: PasswordContext): void {
  const fault = newPasswordFault(password, context)
  if (fault !== undefined) throw new Failure('password_refused', 'invalid', fault)
}

function isGuessedFirst(password: string, context: readonly (string | undefined)[]): boolean {
  const whole = compact(password)
  const core = whole.replace(/^[\d\p{P}\p{S}]+|[\d\p{P}\p{S}]+$/gu, '')
  const candidates = [whole, core, unleet(core), unleet(whole)].map(unrepeated)
  const expected = new Set(context.flatMap((word) => derivatives(word ?? '')))
  return (
    isPattern(whole) ||
    isWordsRunTogether(password) ||
    candidates.some((text) => commonWords.has(text) || commonPhrases.has(text) || expected.has(text))
  )
}

/**
 * Is the password a run of common words, with the usual digits and signs around them? Six words drawn at random pass.
 */
function isWordsRunTogether(password: string): boolean {
  const letters = password.replace(/^[\d\p{P}\p{S}]+|[\d\p{P}\p{S}]+$/gu, '')
  return /^\p{L}+$/u.test(letters) && guessBits(letters) < leastBits
}

/** The bits that a run of words must reach, by how common the words are. */
const leastBits = 50

/** Removes case and blanks, which guessers vary first. */
const compact = (text: string) => text.normalize('NFKC').toLowerCase().replace(/\s+/gu, '')

const leet: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}

const unleet = (text: string) => text.replace(/[013457@$!]/g, (sign) => leet[sign] ?? sign)

/** `passwordpassword` is `password`. */
const unrepeated = (text: string) => /^(.+?)\1+$/u.exec(text)?.[1] ?? text

/** The word itself, and the parts of an address or a full name, combined and alone. */
function derivatives(word: string): string[] {
  const parts = word
    .toLowerCase()
    .normalize('NFKC')
    .split(/[\s@._+:/-]+/u)
    .filter((part) => part.length > 2)
  return [compact(word), parts.join(''), compact(word.split('@')[0] ?? ''), ...parts].filter((text) => text !== '')
}

/** Is the text a repetition of few characters, or a run along the alphabet, the digits or the keyboard? */
function isPattern(text: string): boolean {
  const letters = [...text]
  if (new Set(letters).size <= 2 || unrepeated(text).length <= 4) return true
  return rows.some((row) => row.includes(text) || [...row].reverse().join('').includes(text))
}

const rows = [
  'abcdefghijklmnopqrstuvwxyz'.repeat(3),
  '1234567890'.repeat(8),
  '0123456789'.repeat(8),
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  'azertyuiopqsdfghjklmwxcvbn',
]
