/** An app as pages show it. */
import type { InteractionClient } from '../../oidc/interactions/interactions.ts'
import { webLink } from '../routing/links.ts'
import { unmarked } from './texts.ts'

export interface ClientView {
  name: string
  startUri: string | undefined
  logoUri: string | undefined
  policyUri: string | undefined
  tosUri: string | undefined
  destination: string | undefined
}

/** Counted in graphemes. A longer name would push the sentence around it off the page. */
const longestName = 48
const letters = new Intl.Segmenter('en', { granularity: 'grapheme' })

export const viewOf = (client: InteractionClient): ClientView => ({
  name: clamped(client.name),
  startUri: webLink(client.startUri),
  logoUri: webLink(client.logoUri),
  policyUri: webLink(client.policyUri),
  tosUri: webLink(client.tosUri),
  destination: client.destination,
})

export const optionalViewOf = (client: InteractionClient | undefined): ClientView | undefined =>
  client ? viewOf(client) : undefined

/** @returns the name; a name that is too long is cut and ends with an ellipsis */
export function clamped(name: string): string {
  const plain = unmarked(name)
  const cuts = [...letters.segment(plain)].map(({ index }) => index)
  return cuts.length <= longestName ? plain : `${plain.slice(0, cuts[longestName - 1]).trimEnd()}…`
}
