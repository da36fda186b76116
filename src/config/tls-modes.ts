/** How a connection to Postgres uses TLS, in libpq's words. */

/** From "never" to "only with a server whose certificate is trusted and names the host". */
export const tlsModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type TlsMode = (typeof tlsModes)[number]

export const isTlsMode = (text: string): text is TlsMode => (tlsModes as readonly string[]).includes(text)

const modeFault = `must be one of ${tlsModes.join(', ')}`

/** The fault in the TLS settings of a connection URL, if any. */
export function tlsFaultOf(parameters: URLSearchParams): string | undefined {
  const mode = parameters.get('sslmode')
  if (mode !== null && !isTlsMode(mode)) return `has an sslmode that ${modeFault}`
  // libpq refuses this too: any attacker can get a certificate that the system trusts, for another name.
  const isSystem = parameters.get('sslrootcert') === 'system'
  if (isSystem && (mode ?? 'verify-full') !== 'verify-full')
    return 'has sslrootcert=system, which needs sslmode=verify-full'
  return undefined
}

/** The fault in PGSSLMODE and PGSSLROOTCERT, if any. */
export function tlsVariableFault(env: NodeJS.ProcessEnv): string | undefined {
  const mode = env['PGSSLMODE'] || undefined
  if (mode !== undefined && !isTlsMode(mode)) return `PGSSLMODE ${modeFault}`
  if (env['PGSSLROOTCERT'] === 'system' && (mode ?? 'verify-full') !== 'verify-full')
    return 'PGSSLROOTCERT=system needs PGSSLMODE=verify-full'
  return undefined
}

/** The URL with PGSSLMODE and PGSSLROOTCERT added, unless it sets them itself. */
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
