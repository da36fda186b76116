/** What an app asks for, in words: who the person is in one group, each API in one of its own. */
import type { Api } from '../clients/client.ts'
import type { Access } from '../consent/consent.ts'
import type { Language } from './texts.ts'

export interface AskedGroup {
  title: string
  /** Joined in one line. */
  words: readonly string[]
  /** A code is shown where its owner gave no text for it. */
  lines: readonly ({ text: string; code?: undefined } | { code: string; text?: undefined })[]
}

export interface Asked {
  groups: readonly AskedGroup[]
  /** Long enough to need a scroll bar on a small screen. */
  isLong: boolean
}

/** What an API's owner says of it to people. */
export type ApiTexts = Partial<Pick<Api, 'name' | 'scopeTexts'>>

/** Told by the group's own title. */
const selfEvident = new Set(['openid', 'sub'])
/** More lines than this may not fit beside the buttons. */
const manyLines = 6

export function askedFor(access: Access, apis: Readonly<Record<string, ApiTexts>>, language: Language): Asked {
  const groups = [
    ...identityGroup(access, language),
    ...Object.entries(access.apis).map(([audience, scopes]) => apiGroup(audience, scopes, apis, language)),
    ...(access.scopes.includes('offline_access') ? [group(language.text('scope.offline_access'))] : []),
  ]
  const lines = groups.reduce(
    (sum, { words, lines: ofGroup }) => sum + 1 + ofGroup.length + (words.length > 0 ? 1 : 0),
    0,
  )
  return { groups, isLong: lines > manyLines }
}

function identityGroup({ scopes, claims }: Access, language: Language): AskedGroup[] {
  const named = [
    ...scopes.filter((scope) => scope !== 'offline_access').map((name) => ({ kind: 'scope', name })),
    ...claims.map((name) => ({ kind: 'claim', name })),
  ]
  if (named.length === 0) return []
  const told = named.filter(({ name }) => !selfEvident.has(name))
  const isKnown = ({ kind, name }: { kind: string; name: string }) => language.has(`${kind}.${name}`)
  const words = told.filter(isKnown).map(({ kind, name }) => language.text(`${kind}.${name}`))
  const codes = told.filter((one) => !isKnown(one)).map(({ name }) => ({ code: name }))
  return [{ title: language.text('consent.identity'), words: [...new Set(words)], lines: codes }]
}

function apiGroup(
  audience: string,
  scopes: readonly string[],
  apis: Readonly<Record<string, ApiTexts>>,
  language: Language,
): AskedGroup {
  const { name, scopeTexts = {} } = (Object.hasOwn(apis, audience) ? apis[audience] : undefined) ?? {}
  const lines = scopes.map((scope) => {
    const text = Object.hasOwn(scopeTexts, scope) ? scopeTexts[scope] : undefined
    return text === undefined ? { code: scope } : { text }
  })
  return { title: language.text('consent.api', { api: name ?? audience }), words: [], lines }
}

const group = (title: string): AskedGroup => ({ title, words: [], lines: [] })
