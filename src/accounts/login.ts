/**
 * A sign-in name is an email address. Names are compared without case, width and stray blanks: `Jay@x.y`, `jay@X.Y` and
 * ` jay@x.y ` are one person.
 */
const longestLogin = 320
const longestLocalPart = 64
const encoder = new TextEncoder()

/** The normal form, which is unique and looked up; undefined when no account can have such a name. */
export function normaliseLogin(text: string): string | undefined {
  return loginFault(text) === undefined ? fold(text) : undefined
}

/** The fault of a name, and how to correct it; undefined for a valid name. */
export function loginFault(text: string): string | undefined {
  if (bytes(text) > longestLogin * 2) return tooLong
  const login = fold(text)
  if (login === '') return 'is empty; give an email address such as ada@example.com'
  if (bytes(login) > longestLogin) return tooLong
  // \p{C}: control, format (direction marks, zero-width), surrogates, unassigned: what a reader cannot see.
  if (/\p{C}/u.test(login)) return 'holds invisible or control characters; type the address plainly'
  if (/[\s\p{Z}]/u.test(login)) return 'holds a blank inside; an email address has none'
  return shapeFault(login)
}

const tooLong = `is longer than ${longestLogin} bytes; give a shorter email address`
const notEmail = 'is not an email address; write it as name@domain, such as ada@example.com'

function shapeFault(login: string): string | undefined {
  const [local = '', domain = '', ...more] = login.split('@')
  if (local === '' || domain === '' || more.length > 0) return notEmail
  if (/[<>()[\],;:\\"]/.test(login)) return notEmail
  if (bytes(local) > longestLocalPart) return `has more than ${longestLocalPart} bytes before the @; give a shorter one`
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) return notEmail
  const isLabel = (label: string) => /^[\p{L}\p{M}\p{N}]([\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?$/u.test(label)
  return domain.split('.').every(isLabel) ? undefined : notEmail
}

/**
 * Folds letter by letter, so that a final sigma folds like any other. Letters that merely look alike or expand (dotless
 * ı, ß) stay different: folding them would make two mail domains one.
 */
function fold(text: string): string {
  const lower = [...text.normalize('NFKC')].map((letter) => letter.toLowerCase()).join('')
  return lower.replaceAll('ς', 'σ').normalize('NFKC').trim()
}

const bytes = (text: string) => encoder.encode(text).length
