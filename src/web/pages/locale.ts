/** Chooses the language of a page from the languages that a person prefers. */

/** @returns the best of `available` for tags in order of preference; `ca-ES` matches `ca` (RFC 4647 §3.4, lookup) */
export function lookUpLocale(wanted: readonly string[], available: readonly string[]): string | undefined {
  for (const tag of wanted) {
    let range = tag.toLowerCase()
    while (range !== '') {
      const match = available.find((locale) => locale.toLowerCase() === range)
      if (match) return match
      range = range.replace(/(?:^|-)[^-]*$/, '')
    }
  }
  return undefined
}

const mostTags = 20

/** Parses `ui_locales`: tags separated by spaces, in order of preference (OpenID Connect Core §3.1.2.1). */
export const uiLocales = (text: string | undefined): string[] =>
  (text ?? '').slice(0, 500).split(' ').filter(Boolean).slice(0, mostTags)

/** Parses Accept-Language and sorts its tags by quality. Tags with `q=0` are left out. */
export function acceptedLocales(header: string | undefined): string[] {
  const ranges = (header ?? '').slice(0, 500).split(',').slice(0, mostTags)
  return ranges
    .map((range) => {
      const [tag = '', ...parameters] = range.split(';').map((part) => part.trim())
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      return { tag, quality: quality === undefined ? 1 : Number(quality.slice(2)) }
    })
    .filter(({ tag, quality }) => tag !== '' && tag !== '*' && quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ tag }) => tag)
}
