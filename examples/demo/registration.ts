/** What the demo needs to be known to the provider: an API, an app, a person. Running it again changes nothing else. */
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

/** A password is shown once and kept nowhere, so every run of the demo gives the demo person a new one. */
async function registerPerson(env: NodeJS.ProcessEnv): Promise<DemoPerson> {
  const password = randomBytes(12).toString('base64url')
  const { ok } = await claviger(['users', 'show', email], env)
  const verb = ok ? ['set-password', email] : ['add', email, '--name', 'Demo Person']
  await mustClaviger(['users', ...verb, '--password-stdin'], env, `${password}\n`)
  return { email, password }
}
