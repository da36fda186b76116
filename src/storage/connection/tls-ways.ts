/**
 * The ways to try a connection, in order, with the meaning that libpq gives to `sslmode`:
 * https://www.postgresql.org/docs/current/libpq-ssl.html. `pg` gives other meanings to the same values.
 */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, checkServerIdentity, rootCertificates } from 'node:tls'
import { isTlsMode, type TlsMode } from '../../config/tls-modes.ts'
import { Failure } from '../../errors/failure.ts'

/** Plain text, or TLS with these options. */
export type Way = false | ConnectionOptions

export interface TlsSettings {
  mode: TlsMode
  /** File of trusted certificates; `system` for the certificates of Node. */
  rootCertificate?: string | undefined
  /** Files of the client's certificate and private key. */
  certificate?: string | undefined
  key?: string | undefined
}

const parameterNames = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl', 'uselibpqcompat']

/** @returns the settings, and the URL without them, because `pg` would interpret them in its own way */
export function takeTlsSettings(url: string | undefined): { url: string | undefined; tls: TlsSettings } {
  const parsed = url === undefined ? undefined : URL.parse(url)
  if (!parsed) return { url, tls: settingsFrom((name) => process.env[`PG${name.toUpperCase()}`] || undefined) }
  const tls = settingsFrom((name) => parsed.searchParams.get(name) || undefined)
  for (const name of parameterNames) parsed.searchParams.delete(name)
  return { url: parsed.href, tls }
}

function settingsFrom(read: (name: string) => string | undefined): TlsSettings {
  const rootCertificate = read('sslrootcert')
  const given = read('sslmode')
  // `ssl=true` comes from JDBC URLs; libpq accepts it too.
  const byDefault = read('ssl') === 'true' ? 'require' : rootCertificate === 'system' ? 'verify-full' : 'prefer'
  const mode = given !== undefined && isTlsMode(given) ? given : byDefault
  return { mode, rootCertificate, certificate: read('sslcert'), key: read('sslkey') }
}

/** @param host a folder for a Unix socket, which has no TLS. @throws Failure `database_refused` if a file is missing */
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
    // Like libpq, given certificates are checked in every mode.
    rejectUnauthorized: ca !== undefined,
    checkServerIdentity:
      tls.mode === 'verify-full' ? (_, certificate) => checkServerIdentity(host, certificate) : ignore,
  }
}

const ignore = () => undefined

/** Undefined if every certificate is accepted. */
function trusted({ mode, rootCertificate }: TlsSettings): string | string[] | undefined {
  if (rootCertificate === 'system') return [...rootCertificates]
  const file = rootCertificate ?? join(homedir(), '.postgresql/root.crt')
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (mode !== 'verify-ca' && mode !== 'verify-full') return undefined
    throw missing(cause, `sslmode=${mode} needs trusted certificates, but ${file} cannot be read`, [
      'Set sslrootcert in the URL, or PGSSLROOTCERT, to a file of trusted certificates.',
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
  new Failure('database_refused', 'unavailable', 'The settings of the database connection are wrong.', {
    cause,
    detail: { reason: `${what} (${(cause as NodeJS.ErrnoException).code})`, hints },
    retryAfterSeconds: 30,
  })
