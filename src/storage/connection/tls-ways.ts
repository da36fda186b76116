/**
 * The ways in which a connection may be tried, in order, as libpq reads `sslmode`:
 * https://www.postgresql.org/docs/current/libpq-ssl.html. `pg` reads the same words otherwise.
 */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, checkServerIdentity, rootCertificates } from 'node:tls'
import { isTlsMode, type TlsMode } from '../../config/tls-modes.ts'
import { Failure } from '../../errors/failure.ts'

/** In plain text, or with TLS under these conditions. */
export type Way = false | ConnectionOptions

export interface TlsSettings {
  mode: TlsMode
  /** File of trusted certificates; `system` for those that come with Node. */
  rootCertificate?: string | undefined
  /** Files of a certificate by which the client shows who it is. */
  certificate?: string | undefined
  key?: string | undefined
}

const parameterNames = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl', 'uselibpqcompat']

/** @returns the settings, and the URL without them: `pg` would read them again, in its own way */
export function takeTlsSettings(url: string | undefined): { url: string | undefined; tls: TlsSettings } {
  const parsed = url === undefined ? undefined : URL.parse(url)
  if (!parsed) return { url, tls: settingsFrom((name) => process.env[`PG${name.toUpperCase()}`] || undefined) }
  const tls = settingsFrom((name) => parsed.searchParams.get(name) || undefined)
  for (const name of parameterNames) parsed.searchParams.delete(name)
  return { url: parsed.href, tls }
}

function settingsFrom(read: (name: string) => string | undefined): TlsSettings {
  const rootCertificate = read('sslrootcert')
  const said = read('sslmode')
  // As in URLs of JDBC, which libpq takes too.
  const byDefault = read('ssl') === 'true' ? 'require' : rootCertificate === 'system' ? 'verify-full' : 'prefer'
  const mode = said !== undefined && isTlsMode(said) ? said : byDefault
  return { mode, rootCertificate, certificate: read('sslcert'), key: read('sslkey') }
}

/** @param host a folder for a Unix socket, which has no TLS. @throws Failure `database_refused` when a file is missing */
export function waysOf(tls: TlsSettings, host: string): Way[] {
  if (host.startsWith('/')) return [false]
  switch (tls.mode) {
    case 'disable':
      return [false]
    case 'allow':
      return [false, encrypted(tls, host)]
    case 'prefer':
      return [encrypted(tls, host), false]
    default:
      return [encrypted(tls, host)]
  }
}

function encrypted(tls: TlsSettings, host: string): ConnectionOptions {
  const ca = trusted(tls)
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(tls.certificate === undefined ? {} : { cert: fileOf(tls.certificate, 'client certificate', 'sslcert') }),
    ...(tls.key === undefined ? {} : { key: fileOf(tls.key, 'private key of the client', 'sslkey') }),
    // Whoever gives certificates wants them checked, whatever the mode says: so libpq has it.
    rejectUnauthorized: ca !== undefined,
    checkServerIdentity:
      tls.mode === 'verify-full' ? (_, certificate) => checkServerIdentity(host, certificate) : ignore,
  }
}

const ignore = () => undefined

/** Undefined: any certificate will do. */
function trusted({ mode, rootCertificate }: TlsSettings): string | string[] | undefined {
  if (rootCertificate === 'system') return [...rootCertificates]
  const file = rootCertificate ?? join(homedir(), '.postgresql/root.crt')
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (mode !== 'verify-ca' && mode !== 'verify-full') return undefined
    throw missing(cause, `sslmode=${mode} needs trusted certificates, and ${file} cannot be read`, [
      'Name a file of them by sslrootcert in the URL or by PGSSLROOTCERT.',
      'With sslmode=verify-full, sslrootcert=system trusts the public certificate authorities.',
    ])
  }
}

function fileOf(path: string, what: string, parameter: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw missing(cause, `the ${what} ${path} cannot be read`, [`Correct ${parameter} in the URL of the database.`])
  }
}

const missing = (cause: unknown, what: string, hints: string[]) =>
  new Failure('database_refused', 'unavailable', 'The connection to the database is set up wrongly.', {
    cause,
    detail: { reason: `${what} (${(cause as NodeJS.ErrnoException).code})`, hints },
    retryAfterSeconds: 30,
  })
