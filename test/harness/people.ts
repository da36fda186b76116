/** People, apps and APIs of the tests, made by the same commands that an administrator uses. */
import { randomBytes } from 'node:crypto'
import type { Provider } from './server.ts'

export interface Person {
  email: string
  name: string
  password: string
}

/** Someone with a password of their own. */
export async function addPerson(
  provider: Provider,
  { name = 'Ada Lovelace', email = `ada.${randomBytes(4).toString('hex')}@example.com` } = {},
): Promise<Person> {
  const password = randomBytes(15).toString('base64url')
  await provider.cli(['users', 'add', email, '--name', name, '--password-stdin'], `${password}\n`)
  return { email, name, password }
}

export interface AddedClient {
  client_id: string
  /** Shown this once; public clients have none. */
  client_secret?: string
}

export interface ClientWishes {
  preset: 'spa' | 'web' | 'native' | 'service' | 'device'
  name?: string
  id?: string
  redirectUris?: readonly string[]
  postLogoutRedirectUris?: readonly string[]
  apis?: readonly string[]
  firstParty?: boolean
  /** Further options of `clients add`, as typed. */
  more?: readonly string[]
}

export function addClient(provider: Provider, wishes: ClientWishes): Promise<AddedClient> {
  return provider.cli<AddedClient>([
    'clients',
    'add',
    '--preset',
    wishes.preset,
    '--name',
    wishes.name ?? `A ${wishes.preset} app`,
    ...(wishes.id === undefined ? [] : ['--id', wishes.id]),
    ...repeated('--redirect-uri', wishes.redirectUris),
    ...repeated('--post-logout-redirect-uri', wishes.postLogoutRedirectUris),
    ...repeated('--api', wishes.apis),
    ...(wishes.firstParty ? ['--first-party'] : []),
    ...(wishes.more ?? []),
  ])
}

export async function addApi(provider: Provider, audience: string, scopes: readonly string[] = []): Promise<void> {
  await provider.cli(['apis', 'add', audience, ...repeated('--scope', scopes)])
}

const repeated = (option: string, values: readonly string[] = []) => values.flatMap((value) => [option, value])
