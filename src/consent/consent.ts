/**
 * consent knows what an account must still allow an app before it may go on. It
 * decides on codes alone; words for people are the pages' business, and the
 * grants themselves rest with the protocol state.
 */
import type { Client } from '../clients/client.ts'

/** What an app asks for, or holds: scopes and claims of ours, scopes of APIs by audience. */
export interface Access {
  scopes: readonly string[]
  claims: readonly string[]
  apis: Readonly<Record<string, readonly string[]>>
}

/**
 * How long an answer lasts, by who is responsible for the app:
 * - `never-asked`: an app of our own acts for us.
 * - `until-withdrawn`: an administrator registered the guest app. Its answer is remembered per person and app, until
 *   the app wants more or the person withdraws it.
 * - `session`: a stranger registered the app itself. No administrator knows it, so each browser session asks.
 * - `once`: a native app. Any program on a device may claim to be it (RFC 8252 §8.6), so every request asks.
 */
export type ConsentDuration = 'never-asked' | 'until-withdrawn' | 'session' | 'once'

/** What the rule looks at. Clients that register themselves do not exist yet; they will say so here. */
export type ConsentingClient = Pick<Client, 'firstParty'> & { preset?: Client['preset']; isSelfRegistered?: boolean }

export function consentLasts({ firstParty, preset, isSelfRegistered = false }: ConsentingClient): ConsentDuration {
  if (firstParty) return 'never-asked'
  if (preset === 'native') return 'once'
  return isSelfRegistered ? 'session' : 'until-withdrawn'
}

export const asksConsent = (client: ConsentingClient): boolean => consentLasts(client) !== 'never-asked'

/** What of the request was not answered before, with yes or no; undefined when all was. */
export function missingAccess(requested: Access, answered: Access): Access | undefined {
  const missing: Access = {
    scopes: without(requested.scopes, answered.scopes),
    claims: without(requested.claims, answered.claims),
    apis: missingApis(requested.apis, answered.apis),
  }
  const isComplete = missing.scopes.length + missing.claims.length + Object.keys(missing.apis).length === 0
  return isComplete ? undefined : missing
}

/** What of the one is in the other too; undefined when nothing is. */
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
