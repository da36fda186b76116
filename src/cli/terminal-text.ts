/** What people typed, registered or sent, made fit for a terminal: no escape sequence and no forged line gets through. */
import { plainText } from '../events/plain-text.ts'

/** One cell or line. */
export const oneLine = (text: string): string => plainText(text, 2000)

/** Several lines, each made safe. */
export const singleLines = (text: string): string => text.split('\n').map(oneLine).join('\n')

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Columns a text takes, near enough for aligning: one per character as a reader counts them. */
export const widthOf = (text: string): number =>
  // The segmenter is slow; nearly all text is ASCII.
  /^[\x20-\x7e]*$/.test(text) ? text.length : [...graphemes.segment(text)].length
