/** Creates and changes an API from an administrator's input. */
import { Failure } from '../errors/failure.ts'
import { isPlainText, quoted } from '../events/plain-text.ts'
import { audienceFault } from './audience.ts'
import type { Api } from './client.ts'
import type { NewApi } from './client-store.ts'
import { isIdentityScope } from './identity-scopes.ts'
import { signingAlgs } from './signing-algs.ts'

export interface ApiInput {
  audience: string
  name?: string | undefined
  scopes?: readonly string[]
  /** Maps a scope to its text. A scope without a text is shown by its name. */
  scopeTexts?: Readonly<Record<string, string>>
  ttlSeconds?: number | undefined
  alg?: string | undefined
}

/**
 * Input of `changedApi`. A field that is left out stays unchanged; null removes it. The audience and the algorithm
 * cannot change: verifiers are configured with both.
 */
export interface ApiChanges {
  name?: string | null
  scopes?: readonly string[]
  addScopes?: readonly string[]
  removeScopes?: readonly string[]
  /** Only the scopes named here get a new text; null removes a text. */
  scopeTexts?: Readonly<Record<string, string | null>>
  ttlSeconds?: number | null
}

/** An access token with a lifetime of more than a day would be as dangerous as a password. */
export const longestTtlSeconds = 86_400

const nameLimit = 200
const scopeTextLimit = 300
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/

/** @throws Failure `api_invalid`; `detail.faults` has one sentence per fault. */
export function newApi(input: ApiInput): NewApi {
  const { audience, name, scopes = [], scopeTexts = {}, ttlSeconds, alg = 'ES256' } = input ?? {}
  const faults = [
    ...audienceFaults(audience),
    ...nameFaults(name),
    ...scopeFaults(scopes),
    ...scopeTextFaults(scopeTexts, scopes),
    ...ttlFaults(ttlSeconds),
    ...algFaults(alg),
  ]
  if (faults.length > 0) {
    throw new Failure('api_invalid', 'invalid', `This API cannot be accepted. ${faults.join(' ')}`, {
      detail: { faults },
    })
  }
  return {
    audience,
    name: name?.trim(),
    scopes: [...scopes],
    scopeTexts: Object.fromEntries(Object.entries(scopeTexts).map(([scope, text]) => [scope, text.trim()])),
    ttlSeconds: ttlSeconds ?? undefined,
    alg,
  }
}

/** The whole API after the change. A removed scope loses its text too. @throws Failure like `newApi`. */
export function changedApi(api: Api, changes: ApiChanges): NewApi {
  const scopes = changedScopes(api, changes)
  const kept = Object.entries(api.scopeTexts).filter(([scope]) => scopes.includes(scope))
  const texts = [...kept, ...Object.entries(changes.scopeTexts ?? {})]
  return newApi({
    audience: api.audience,
    name: orNothing(changes.name, api.name),
    scopes,
    scopeTexts: Object.fromEntries(
      Object.entries(Object.fromEntries(texts)).filter((entry): entry is [string, string] => entry[1] !== null),
    ),
    ttlSeconds: orNothing(changes.ttlSeconds, api.ttlSeconds),
    alg: api.alg,
  })
}

/** @throws Failure `list_entry_missing` (invalid) when a scope to remove does not exist. */
function changedScopes(
  api: Api,
  { scopes = api.scopes, addScopes = [], removeScopes = [] }: ApiChanges,
): readonly string[] {
  const unknown = removeScopes.find((each) => !scopes.includes(each))
  if (unknown !== undefined) {
    throw new Failure('list_entry_missing', 'invalid', `${api.audience} has no scope "${unknown}".`, {
      detail: { hints: scopes.map((each) => `it has ${each}`) },
    })
  }
  const kept = scopes.filter((each) => !removeScopes.includes(each))
  return [...kept, ...addScopes.filter((each) => !kept.includes(each))]
}

const orNothing = <Value>(change: Value | null | undefined, before: Value | undefined): Value | undefined =>
  change === undefined ? before : (change ?? undefined)

/** The text that people read for this scope of the API, if it has one. */
export const scopeTextOf = ({ scopeTexts }: Pick<Api, 'scopeTexts'>, scope: string): string | undefined =>
  Object.hasOwn(scopeTexts, scope) ? scopeTexts[scope] : undefined

function audienceFaults(audience: unknown): string[] {
  const fault = audienceFault(audience)
  return fault ? [`Audience ${quoted(audience)}: ${fault}.`] : []
}

function nameFaults(name: unknown): string[] {
  const fault = name === undefined ? undefined : textFault(name, nameLimit)
  return fault ? [`Name ${quoted(name)}: ${fault}.`] : []
}

function textFault(text: unknown, limit: number): string | undefined {
  if (typeof text !== 'string' || text.trim() === '') return 'write at least one letter'
  if (text.length > limit) return `it is longer than ${limit} characters`
  return isPlainText(text) ? undefined : 'it contains control or direction characters; leave them out'
}

function scopeFaults(scopes: unknown): string[] {
  if (!Array.isArray(scopes)) return ['Scopes: write a list, for example ["orders:read"].']
  if (scopes.length > 200) return ['Scopes: there are more than 200.']
  return scopes.flatMap((scope: unknown, index) => {
    const fault = scopeFault(scope) ?? (scopes.indexOf(scope) < index ? 'it is listed twice; leave one out' : undefined)
    return fault ? [`Scope ${quoted(scope)}: ${fault}.`] : []
  })
}

function scopeFault(scope: unknown): string | undefined {
  // RFC 6749 §3.3
  if (typeof scope !== 'string' || !scopeToken.test(scope)) {
    return 'use 1 to 100 printable ASCII characters without space, " and \\, for example orders:read'
  }
  return isIdentityScope(scope) ? 'OpenID Connect reserves this name; choose another, for example api:read' : undefined
}

function scopeTextFaults(texts: unknown, scopes: unknown): string[] {
  if (typeof texts !== 'object' || texts === null || Array.isArray(texts))
    return ['Scope texts: write one text per scope.']
  return Object.entries(texts).flatMap(([scope, text]) => {
    const isKnown = Array.isArray(scopes) && scopes.includes(scope)
    const fault = isKnown ? textFault(text, scopeTextLimit) : 'the API has no such scope'
    return fault ? [`Text of scope ${quoted(scope)}: ${fault}.`] : []
  })
}

function ttlFaults(ttlSeconds: unknown): string[] {
  if (ttlSeconds === undefined || ttlSeconds === null) return []
  const fits =
    Number.isInteger(ttlSeconds) && (ttlSeconds as number) >= 1 && (ttlSeconds as number) <= longestTtlSeconds
  return fits
    ? []
    : [`Token lifetime ${quoted(ttlSeconds)}: choose 1 second to ${longestTtlSeconds} seconds (24 hours).`]
}

function algFaults(alg: unknown): string[] {
  if ((signingAlgs as readonly unknown[]).includes(alg)) return []
  return [`Algorithm ${quoted(alg)}: choose one of ${signingAlgs.join(', ')}.`]
}
