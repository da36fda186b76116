/**
 * Characters that must be escaped in a log line, a table or a terminal:
 * control characters (forged lines, escape sequences), line separators and
 * marks that reverse the direction of text.
 */
// Cc: C0, DEL, C1. Cs: half a surrogate pair, which encoders replace.
const unsafe = /[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** True when a text needs no escaping in a name, a line or a page. */
export const isPlainText = (text: string): boolean => text.search(unsafe) === -1

/** The text on one line, unsafe characters escaped as `\u001b`, at most `limit` characters of the original. */
export function plainText(text: string, limit = 512): string {
  const kept = text.length > limit ? `${text.slice(0, limit)}…` : text
  return kept.search(unsafe) === -1 ? kept : kept.replace(unsafe, escaped)
}

/** Any value, quoted for a sentence that a person reads: `"https://a.example/\u000a"`. */
export function quoted(value: unknown, limit = 200): string {
  if (typeof value === 'string') return `"${plainText(value, limit)}"`
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : plainText(String(value), limit)
}
