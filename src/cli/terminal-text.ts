/** Makes untrusted text safe for a terminal: removes escape sequences and forged lines. */
import { plainText } from '../events/plain-text.ts'

/** One cell or line. */
export const oneLine = (text: string): string => plainText(text, 2000)

/** Several lines, each made safe. */
export const singleLines = (text: string): string => text.split('\n').map(oneLine).join('\n')

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Approximate columns of a text, for alignment: one for each grapheme. */
export const widthOf = (text: string): number =>
  // The segmenter is slow, and nearly all text is ASCII.
  /^[\x20-\x7e]*$/.test(text) ? text.length : [...graphemes.segment(text)].length
