/** How a connection to Postgres uses TLS, in libpq's words. */

/** From "never" to "only with a server whose certificate is trusted and carries the host's name". */
export const tlsModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type TlsMode = (typeof tlsModes)[number]

export const isTlsMode = (text: string): text is TlsMode => (tlsModes as readonly string[]).includes(text)

const modeFault = `must be one of ${tlsModes.join(', ')}`

/** What is wrong with the TLS settings in a connection URL; undefined when nothing is. */
export function tlsFaultOf(parameters: URLSearchParams): string | undefined {
  const mode = parameters.get('sslmode')
  if (mode !== null && !isTlsMode(mode)) return `has an sslmode that ${modeFault}`
  // libpq refuses this as well: anybody can get a certificate that the system trusts, for some name.
  const isSystem = parameters.get('sslrootcert') === 'system'
  if (isSystem && (mode ?? 'verify-full') !== 'verify-full')
    return 'has sslrootcert=system, which needs sslmode=verify-full'
  return undefined
}

/** What is wrong with PGSSLMODE and PGSSLROOTCERT; undefined when nothing is. */
export function tlsVariableFault(env: NodeJS.ProcessEnv): string | undefined {
  const mode = env['PGSSLMODE'] || undefined
  if (mode !== undefined && !isTlsMode(mode)) return `PGSSLMODE ${modeFault}`
  if (env['PGSSLROOTCERT'] === 'system' && (mode ?? 'verify-full') !== 'verify-full')
    return 'PGSSLROOTCERT=system needs PGSSLMODE=verify-full'
  return undefined
}

/** The URL with what PGSSLMODE and PGSSLROOTCERT say, where it says nothing itself. */
export function withTlsVariables(url: string, env: NodeJS.ProcessEnv): string {
  const parameters = URL.parse(url)?.searchParams
  const added = new URLSearchParams()
  for (const [name, variable] of [
    ['sslmode', 'PGSSLMODE'],
    ['sslrootcert', 'PGSSLROOTCERT'],
  ] as const) {
    const value = env[variable] || undefined
    if (value !== undefined && !parameters?.has(name)) added.set(name, value)
  }
  if (added.size === 0) return url
  return `${url}${url.includes('?') ? '&' : '?'}${added}`
}
