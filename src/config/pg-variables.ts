/** Turns libpq's variables into one URL, so that later code handles one form. */
import { readSecretFile } from './source.ts'
import { withTlsVariables } from './tls-modes.ts'

/** Undefined when neither PGHOST nor PGDATABASE is set: the other variables name no database. */
export function urlFromParts(env: NodeJS.ProcessEnv): { url: string } | { fault: string } | undefined {
  const host = env['PGHOST'] || undefined
  const database = env['PGDATABASE'] || undefined
  if (host === undefined && database === undefined) return undefined
  const password = passwordFrom(env)
  if (password !== undefined && typeof password !== 'string') return password
  const port = env['PGPORT'] || '5432'
  if (!/^\d{1,5}$/.test(port)) return { fault: 'PGPORT must be a port number' }
  return { url: assemble({ host: host ?? 'localhost', port, database, password, env }) }
}

function passwordFrom(env: NodeJS.ProcessEnv): string | { fault: string } | undefined {
  const file = env['PGPASSWORD_FILE'] || undefined
  if (file === undefined) return env['PGPASSWORD'] || undefined
  if (env['PGPASSWORD']) return { fault: 'PGPASSWORD_FILE and PGPASSWORD are both set: keep one of them' }
  const content = readSecretFile(file)
  return typeof content === 'string' ? content : { fault: `PGPASSWORD_FILE ${content.fault}` }
}

interface Parts {
  host: string
  port: string
  database: string | undefined
  password: string | undefined
  env: NodeJS.ProcessEnv
}

function assemble({ host, port, database, password, env }: Parts): string {
  const user = env['PGUSER'] || env['USER'] || 'postgres'
  const credentials = encodeURIComponent(user) + (password === undefined ? '' : `:${encodeURIComponent(password)}`)
  const query = new URLSearchParams()
  // A host that begins with a slash is the folder of a Unix socket.
  if (host.startsWith('/')) query.set('host', host)
  const authority = host.startsWith('/') ? 'localhost' : host.includes(':') ? `[${host}]` : host
  const tail = query.size === 0 ? '' : `?${query}`
  return withTlsVariables(
    `postgres://${credentials}@${authority}:${port}/${encodeURIComponent(database ?? user)}${tail}`,
    env,
  )
}
