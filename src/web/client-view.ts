/** An app as pages show it. */
import type { InteractionClient } from '../oidc/interactions.ts'
import { webLink } from './links.ts'

export interface ClientView {
  name: string
  startUri: string | undefined
  logoUri: string | undefined
  policyUri: string | undefined
  tosUri: string | undefined
  destination: string | undefined
}

export const viewOf = (client: InteractionClient): ClientView => ({
  name: client.name,
  startUri: webLink(client.startUri),
  logoUri: webLink(client.logoUri),
  policyUri: webLink(client.policyUri),
  tosUri: webLink(client.tosUri),
  destination: client.destination,
})

export const optionalViewOf = (client: InteractionClient | undefined): ClientView | undefined =>
  client ? viewOf(client) : undefined
