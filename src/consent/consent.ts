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

/** Our own apps act for us, so nobody is asked; everybody else's always ask. */
export const asksConsent = (client: Pick<Client, 'firstParty'>): boolean => !client.firstParty

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
