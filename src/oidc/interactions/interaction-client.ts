/** Describes an app for the pages. */
import type { Client as ClientRecord } from '../../clients/client.ts'
import { recordOf } from '../engine/engine-clients.ts'
import type { InteractionClient } from './interactions.ts'

export const interactionClient = (client: unknown, redirectUri?: unknown): InteractionClient =>
  describeClient(recordOf(client), redirectUri)

export function describeClient(record: ClientRecord, redirectUri?: unknown): InteractionClient {
  const { id, name, firstParty, logoUri, policyUri, tosUri, redirectUris } = record
  return {
    id,
    name,
    firstParty,
    logoUri,
    policyUri,
    tosUri,
    startUri: record.startUri ?? originOf(redirectUris[0]),
    destination: hostOf(typeof redirectUri === 'string' ? redirectUri : redirectUris[0]),
  }
}

/** The origin of a web app's redirect URI, for apps without a registered start address. Native schemes have none. */
function originOf(uri: string | undefined): string | undefined {
  if (!uri || !URL.canParse(uri)) return undefined
  const { protocol, origin } = new URL(uri)
  return protocol === 'https:' || protocol === 'http:' ? `${origin}/` : undefined
}

function hostOf(uri: string | undefined): string | undefined {
  if (!uri || !URL.canParse(uri)) return undefined
  const { protocol, host } = new URL(uri)
  return host === '' ? protocol.slice(0, -1) : host
}
