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

export interface ConsentQuestion {
  client: Pick<Client, 'firstParty'>
  /** What the account allowed this app before; undefined: nothing yet. */
  granted: Access | undefined
  requested: Access
}

/**
 * What a person has to be asked for; undefined when nothing is missing. Our own
 * apps never ask; a third-party app always asks until everything is granted,
 * and also before its very first grant, even for nothing but the person's name.
 */
export function consentNeeded({ client, granted, requested }: ConsentQuestion): Access | undefined {
  if (client.firstParty) return undefined
  if (granted === undefined) return requested
  const missing: Access = {
    scopes: without(requested.scopes, granted.scopes),
    claims: without(requested.claims, granted.claims),
    apis: missingApis(requested.apis, granted.apis),
  }
  const isComplete = missing.scopes.length + missing.claims.length + Object.keys(missing.apis).length === 0
  return isComplete ? undefined : missing
}

function missingApis(requested: Access['apis'], granted: Access['apis']): Access['apis'] {
  const pairs = Object.entries(requested).map(([audience, scopes]) => {
    const held = Object.hasOwn(granted, audience) ? granted[audience] : undefined
    return { audience, missing: without(scopes, held ?? []), isNew: held === undefined }
  })
  // An API never granted before is asked for even when no scope of it is: its name alone gives access.
  const open = pairs.filter(({ missing, isNew }) => isNew || missing.length > 0)
  return Object.fromEntries(open.map(({ audience, missing }) => [audience, missing]))
}

function without(wanted: readonly string[], held: readonly string[]): string[] {
  return [...new Set(wanted)].filter((name) => !held.includes(name))
}
