import { Failure } from '../errors/failure.ts'
import { guessBits } from '../guessing/guessing.ts'
import { commonPhrases, commonWords } from './common-passwords.ts'
import { longestPasswordBytes, mayBePassword } from './password-hasher.ts'

/** A password that stands alone needs 15 characters, one beside a second factor 8 (NIST SP 800-63B-4 §3.1.1.2). */
export const shortestPassword = { alone: 15, besideSecondFactor: 8 } as const

export interface PasswordContext {
  /** Words a guesser would try for this person: email, name, the service's name and host. */
  words: readonly (string | undefined)[]
  factors?: keyof typeof shortestPassword
}

/**
 * What is wrong with a password somebody wants to have; undefined when nothing is. Length counts, and that it is none
 * that guessers try first; which kinds of characters it holds does not, and any Unicode is welcome.
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
  if (/\p{Cc}/u.test(text)) return 'The password holds control characters, which no browser can type; leave them out'
  if (!text.isWellFormed()) return 'The password is not valid Unicode; type it anew'
  return isGuessedFirst(text, context.words)
    ? 'This password is one of the first that guessers try; choose something nobody would expect of you'
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

/** Letters alone, with the usual digits and signs around them, that make common words. Six words drawn at random pass. */
function isWordsRunTogether(password: string): boolean {
  const letters = password.replace(/^[\d\p{P}\p{S}]+|[\d\p{P}\p{S}]+$/gu, '')
  return /^\p{L}+$/u.test(letters) && guessBits(letters) < leastBits
}

/** What words that are run together must withstand, by how common they are. */
const leastBits = 50

/** Case and blanks are the first things a guesser varies. */
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

/** The word itself and the parts of an address or a full name, put together or alone. */
function derivatives(word: string): string[] {
  const parts = word
    .toLowerCase()
    .normalize('NFKC')
    .split(/[\s@._+:/-]+/u)
    .filter((part) => part.length > 2)
  return [compact(word), parts.join(''), compact(word.split('@')[0] ?? ''), ...parts].filter((text) => text !== '')
}

/** Few characters over and over, or a run along the alphabet, the digits or the keyboard. */
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
