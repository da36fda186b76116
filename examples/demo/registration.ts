/** What the demo registers with the provider: an API, an app, a person, and services' credentials. A second run changes the secrets only. */
import { randomBytes } from 'node:crypto'
import { claviger, mustClaviger } from './command.ts'

export interface DemoAddresses {
  issuer: string
  /** Where people open the app. */
  spa: string
  /** Where the API answers; its audience, too. */
  api: string
}

/** What the app is to be like. */
export interface DemoWishes extends DemoAddresses {
  refreshDelivery: 'body' | 'cookie'
}

export interface DemoPerson {
  email: string
  password: string
}

/** Client credentials of an API. */
export interface Credentials {
  clientId: string
  clientSecret: string
}

interface ListedClient {
  client_id: string
  serves_api: string | null
}

export const clientId = 'demo-spa'
export const scopes = ['orders:read', 'orders:write']
const email = 'demo@example.com'

/** @param env the provider's own environment: commands find the database by it */
export async function register(wishes: DemoWishes, env: NodeJS.ProcessEnv): Promise<DemoPerson> {
  const [, person] = await Promise.all([registerApp(wishes, env), registerPerson(env)])
  return person
}

async function registerApp({ spa, api, refreshDelivery }: DemoWishes, env: NodeJS.ProcessEnv): Promise<void> {
  const known = JSON.parse(await mustClaviger(['apis', 'list', '--json'], env)) as { audience: string }[]
  if (!known.some(({ audience }) => audience === api)) {
    await mustClaviger(['apis', 'add', api, ...scopes.flatMap((scope) => ['--scope', scope])], env)
  }
  const settings = [
    ...['--name', 'Key shop', '--first-party', '--api', api, '--start-uri', `${spa}/`],
    ...['--redirect-uri', `${spa}/callback`, '--post-logout-redirect-uri', `${spa}/`],
    ...['--refresh-delivery', refreshDelivery],
  ]
  const { ok } = await claviger(['clients', 'show', clientId], env)
  const verb = ok ? ['set', clientId] : ['add', '--preset', 'spa', '--id', clientId]
  await mustClaviger(['clients', ...verb, ...settings], env)
}

/** What the services read the revocation feed with. A secret is shown once, so each run of the demo makes a new one. */
export async function registerServices(
  { api }: Pick<DemoAddresses, 'api'>,
  env: NodeJS.ProcessEnv,
): Promise<Credentials> {
  const clients = JSON.parse(await mustClaviger(['clients', 'list', '--json'], env)) as ListedClient[]
  const known = clients.find((client) => client.serves_api === api)
  const args = known ? ['clients', 'rotate-secret', known.client_id] : ['apis', 'credentials', api]
  const made = JSON.parse(await mustClaviger([...args, '--json'], env)) as { client_id: string; client_secret: string }
  return { clientId: made.client_id, clientSecret: made.client_secret }
}

/** A password is shown once and kept nowhere, so every run of the demo gives the demo person a new one. */
async function registerPerson(env: NodeJS.ProcessEnv): Promise<DemoPerson> {
  const password = randomBytes(12).toString('base64url')
  const { ok } = await claviger(['users', 'show', email], env)
  const verb = ok ? ['set-password', email] : ['add', email, '--name', 'Demo Person']
  await mustClaviger(['users', ...verb, '--password-stdin'], env, `${password}\n`)
  return { email, password }
}
