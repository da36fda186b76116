/** Describes the access that an app requests: one group for the person's data and one for each API. */
import type { Api } from '../../clients/client.ts'
import type { Access } from '../../consent/consent.ts'
import type { Language } from '../pages/texts.ts'

export interface AskedGroup {
  title: string
  /** Shown in one line, joined by commas. */
  words: readonly string[]
  /** A scope without a text of its API is shown as its code. */
  lines: readonly ({ text: string; code?: undefined } | { code: string; text?: undefined })[]
}

export interface Asked {
  groups: readonly AskedGroup[]
  /** True when a small screen needs a scroll bar for the groups. */
  isLong: boolean
}

/** The texts about an API that its owner registered for people. */
export type ApiTexts = Partial<Pick<Api, 'name' | 'scopeTexts'>>

/** Scopes and claims that the title of the group already covers. */
const coveredByTitle = new Set(['openid', 'sub'])
/** More lines than this may not fit above the buttons. */
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
  const listed = named.filter(({ name }) => !coveredByTitle.has(name))
  const isKnown = ({ kind, name }: { kind: string; name: string }) => language.has(`${kind}.${name}`)
  const words = listed.filter(isKnown).map(({ kind, name }) => language.text(`${kind}.${name}`))
  const codes = listed.filter((one) => !isKnown(one)).map(({ name }) => ({ code: name }))
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
