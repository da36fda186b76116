/** Claviger as it is run: its start command, its clients and people made by its own command line. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type AppClient, discoverEndpoints, type Person, type ServiceClient, type Target } from '../target.ts'
import { type ClavigerCli, checkout, createClavigerCli, mainProgram } from './claviger-cli.ts'
import { type Contender, contenderTitles, findFreePort, startServer } from './contender.ts'

const api = { audience: 'https://api.bench.example', scope: 'things:read' }
const redirectUri = 'http://localhost:65000/callback'
const password = randomBytes(18).toString('base64url')

interface Registered {
  app: AppClient
  boundApp: AppClient
  service: ServiceClient
  people: Person[]
}

export interface ClavigerOptions {
  folder: string
  /** None: Claviger runs on its embedded Postgres. */
  databaseUrl?: string
  /** For Node itself, before the program. */
  nodeArgs?: string[]
  /** One of its own when absent. */
  keyEncryptionKey?: string
  /** Further options by the names of their environment variables. */
  settings?: Record<string, string>
}

/** Migrates, registers clients and people once, and can then be started any number of times. */
export async function createClavigerContender({
  folder,
  databaseUrl,
  nodeArgs = [],
  keyEncryptionKey = randomBytes(32).toString('base64url'),
  settings = {},
}: ClavigerOptions): Promise<Contender> {
  const issuer = `http://localhost:${await findFreePort()}`
  const env = {
    ...settings,
    CLAVIGER_ISSUER: issuer,
    CLAVIGER_DATA_DIR: join(folder, 'claviger-data'),
    CLAVIGER_KEY_ENCRYPTION_KEY: keyEncryptionKey,
  }
  const withDatabase = (url: string | undefined) => (url ? { ...env, DATABASE_URL: url } : env)
  const registered = await register(createClavigerCli(withDatabase(databaseUrl)))
  return {
    name: 'claviger',
    title: contenderTitles.claviger,
    databaseUrl,
    async start(otherUrl) {
      const running = await startServer({
        args: [...nodeArgs, mainProgram, 'start'],
        cwd: checkout,
        env: withDatabase(otherUrl ?? databaseUrl),
        readyUrl: `${issuer}/health/ready`,
        logFile: join(folder, 'claviger.log'),
      })
      const target: Target = { issuer, endpoints: await discoverEndpoints(issuer), ...registered }
      return { ...running, target }
    },
  }
}

async function register(cli: ClavigerCli): Promise<Registered> {
  await cli(['migrate'])
  await cli(['apis', 'add', api.audience, '--scope', api.scope])
  const add = async (preset: string, ...more: string[]) =>
    JSON.parse(
      await cli([
        'clients',
        'add',
        '--preset',
        preset,
        '--name',
        `Bench ${preset}`,
        '--api',
        api.audience,
        ...more,
        '--json',
      ]),
    ) as {
      client_id: string
      client_secret?: string
    }
  // Signed as the yardsticks sign: what is compared is the program, not the algorithm.
  const spa = await add('spa', '--redirect-uri', redirectUri, '--first-party', '--id-token-alg', 'ES256')
  const service = await add('service')
  const people: Person[] = []
  for (let number = 1; number <= 4; number++) {
    const login = `person-${number}@bench.example`
    await cli(['users', 'add', login, '--password-stdin'], `${password}\n`)
    people.push({ login, password })
  }
  const app = { clientId: spa.client_id, redirectUri }
  return {
    app: { ...app, scope: `openid offline_access ${api.scope}` },
    boundApp: { ...app, scope: `openid ${api.scope}` },
    service: { clientId: service.client_id, clientSecret: String(service.client_secret), scope: api.scope },
    people,
  }
}
