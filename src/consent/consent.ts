/**
 * consent decides which access a person must still allow an app. It decides by scopes and claims alone. The pages word
 * the question, and the protocol state stores the grants.
 */
import type { Client } from '../clients/client.ts'

/** The access that an app asks for or has: our own scopes and claims, and scopes of APIs by audience. */
export interface Access {
  scopes: readonly string[]
  claims: readonly string[]
  apis: Readonly<Record<string, readonly string[]>>
}

/**
 * How long a consent lasts. It depends on the party that registered the app:
 * - `never-asked`: a first-party app needs no consent.
 * - `until-withdrawn`: an administrator registered the guest app. The consent is stored per person and app, until the
 *   app asks for more or the person withdraws it.
 * - `session`: the app registered itself, and no administrator knows it, so each browser session asks.
 * - `once`: a native app. Any program on a device may claim to be it (RFC 8252 §8.6), so every request asks.
 */
export type ConsentDuration = 'never-asked' | 'until-withdrawn' | 'session' | 'once'

/** The members that decide. Clients cannot register themselves yet; `isSelfRegistered` is for such clients. */
export type ConsentingClient = Pick<Client, 'firstParty'> & { preset?: Client['preset']; isSelfRegistered?: boolean }

export function consentLasts({ firstParty, preset, isSelfRegistered = false }: ConsentingClient): ConsentDuration {
  if (firstParty) return 'never-asked'
  if (preset === 'native') return 'once'
  return isSelfRegistered ? 'session' : 'until-withdrawn'
}

export const asksConsent = (client: ConsentingClient): boolean => consentLasts(client) !== 'never-asked'

/** The requested access without a yes or no so far; undefined when all of it was answered. */
export function missingAccess(requested: Access, answered: Access): Access | undefined {
  const missing: Access = {
    scopes: without(requested.scopes, answered.scopes),
    claims: without(requested.claims, answered.claims),
    apis: missingApis(requested.apis, answered.apis),
  }
  const isComplete = missing.scopes.length + missing.claims.length + Object.keys(missing.apis).length === 0
  return isComplete ? undefined : missing
}

/** The access that both have; undefined when they share none. */
export function sharedAccess(wanted: Access, held: Access): Access | undefined {
  const missing = missingAccess(wanted, held)
  return missing ? missingAccess(wanted, missing) : wanted
}

function missingApis(requested: Access['apis'], answered: Access['apis']): Access['apis'] {
  const pairs = Object.entries(requested).map(([audience, scopes]) => {
    const held = Object.hasOwn(answered, audience) ? answered[audience] : undefined
    return [audience, without(scopes, held ?? [])] as const
  })
  return Object.fromEntries(pairs.filter(([, scopes]) => scopes.length > 0))
}

function without(wanted: readonly string[], held: readonly string[]): string[] {
  return [...new Set(wanted)].filter((name) => !held.includes(name))
}
