/** What an app asks for, in words. */
import type { Interaction } from '../oidc/interactions.ts'
import type { Language } from './texts.ts'

export interface ScopeLine {
  text: string
  /** Scopes of an API by their names, which only its owner can explain. */
  codes: readonly string[]
}

/** Asked for by every sign-in, and told by the page itself. */
const selfEvident = new Set(['openid', 'sub'])

export function scopeLines({ scopes, claims, apis }: Interaction['missing'], language: Language): ScopeLine[] {
  const named = [
    ...scopes.filter((scope) => !selfEvident.has(scope)).map((scope) => line(language, 'scope', scope)),
    ...claims.filter((claim) => !selfEvident.has(claim)).map((claim) => line(language, 'claim', claim)),
  ]
  const ofApis = Object.entries(apis).map(([api, codes]) => ({ text: language.text('consent.api', { api }), codes }))
  const seen = new Set<string>()
  return [...named, ...ofApis].filter(({ text, codes }) => {
    const key = `${text} ${codes.join(' ')}`
    return seen.size !== seen.add(key).size
  })
}

function line(language: Language, kind: 'scope' | 'claim', name: string): ScopeLine {
  const key = `${kind}.${name}`
  return language.has(key)
    ? { text: language.text(key), codes: [] }
    : { text: language.text(`consent.${kind}`), codes: [name] }
}
