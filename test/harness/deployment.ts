/** Several nodes of one issuer on one database, with an API that reads the revocation feed and apps that get tokens for it. */
import { randomBytes } from 'node:crypto'
import { type AddedClient, addClient } from './people.ts'
import { type PlainAnswer, PlainClient } from './plain-client.ts'
import { type Provider, startProvider } from './server.ts'
import type { FleetSettings } from './verifier-fleet.ts'

export interface Nodes {
  issuer: string
  /** The first listens where the issuer says. */
  nodes: Provider[]
  /** The environment that a further node needs. */
  env: Record<string, string>
  stop(): Promise<void>
}

export async function startNodes(url: string, count: number, more: Record<string, string> = {}): Promise<Nodes> {
  const env = { CLAVIGER_KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64url'), ...more }
  const start = (own: Record<string, string>) => startProvider({ database: { url }, env: { ...env, ...own } })
  const first = await start({})
  const shared = { ...env, CLAVIGER_ISSUER: first.issuer }
  const others = await Promise.all(Array.from({ length: count - 1 }, () => start(shared)))
  const nodes = [first, ...others]
  return {
    issuer: first.issuer,
    nodes,
    env: shared,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

export const audience = 'https://orders.example'
export const redirectUri = 'https://app.example/callback'

export interface Registered {
  /** What verifiers of the API need to know. */
  fleet: FleetSettings
  service: Required<AddedClient>
  /** A confidential app of people. */
  app: Required<AddedClient>
}

/** The API with credentials for the feed, a service and an app. */
export async function register({ issuer, nodes }: Nodes): Promise<Registered> {
  const [node] = nodes as [Provider]
  const scoped = ['--scope', 'orders:read', '--with-credentials']
  const credentials = await node.cli<Required<AddedClient>>(['apis', 'add', audience, ...scoped])
  const service = await addClient(node, { preset: 'service', apis: [audience] })
  const app = await addClient(node, { preset: 'web', redirectUris: [redirectUri], apis: [audience], firstParty: true })
  const discovery = await fetch(`${issuer}/.well-known/openid-configuration`)
  const { revocation_feed_jwks: feedKeys } = (await discovery.json()) as {
    revocation_feed_jwks: { keys: { kid: string }[] }
  }
  return {
    fleet: {
      issuer,
      audience,
      auth: { clientId: credentials.client_id, clientSecret: credentials.client_secret },
      pinned: feedKeys.keys.map(({ kid }) => kid),
      ports: nodes.map(({ port }) => port),
    },
    service: service as Required<AddedClient>,
    app: app as Required<AddedClient>,
  }
}

/** A form, posted to one node of many as programs post it. */
export const post = (
  { issuer, port }: Pick<Provider, 'issuer' | 'port'>,
  path: string,
  client: AddedClient,
  form: Record<string, string>,
): Promise<PlainAnswer> => new PlainClient(client, { issuer, redirectUri, port: () => port }).post(path, form)

/** An access token of a service for the API. @throws with the answer when there is none */
export async function serviceToken(node: Pick<Provider, 'issuer' | 'port'>, service: AddedClient): Promise<string> {
  const grant = { grant_type: 'client_credentials', resource: audience }
  const { status, text, json } = await post(node, '/token', service, grant)
  if (status !== 200) throw new Error(`no token: ${status} ${text}`)
  return String(json['access_token'])
}
