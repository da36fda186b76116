/** Maps a database error to its reason and remedy, by SQLSTATE, the system's error code or `pg`'s message. */
import { addressOf, type DatabasePlace } from './database-place.ts'

export interface Reason {
  /** `database_unavailable`: the problem may end by itself. `database_refused`: an operator has to act. */
  code: 'database_unavailable' | 'database_refused'
  /** Safe to show in a browser: never names the server. */
  sentence: string
  /** For the operator. */
  hint: (place: DatabasePlace, words: string) => string
}

interface Row {
  code?: RegExp
  words?: RegExp
  reason: Reason
}

const away = (hint: Reason['hint']): Reason => ({
  code: 'database_unavailable',
  sentence: 'The database cannot be reached right now.',
  hint,
})
const busy = (hint: Reason['hint']): Reason => ({
  code: 'database_unavailable',
  sentence: 'The database cannot do this right now.',
  hint,
})
const refused = (hint: Reason['hint']): Reason => ({
  code: 'database_refused',
  sentence: 'The database refused the connection.',
  hint,
})
const unfit = (hint: Reason['hint']): Reason => ({
  code: 'database_refused',
  sentence: 'The database refuses what Claviger needs.',
  hint,
})

const settings = 'DATABASE_URL or the PG* variables'
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

/** The first matching row decides; special cases come before general ones. */
const rows: readonly Row[] = [
  // Reaching the server: name, port, socket.
  {
    code: /^(ENOTFOUND|EAI_AGAIN)$/,
    reason: away(
      ({ host }) =>
        `Does the name ${host} exist, and does this machine's DNS know it? Correct the host in ${settings}.`,
    ),
  },
  {
    code: /^ECONNREFUSED$/,
    reason: away(
      (place) =>
        `Nothing listens on ${addressOf(place)}: start Postgres there, or correct host and port in ${settings}.`,
    ),
  },
  {
    code: /^(ENOENT|EACCES)$/,
    reason: away(
      ({ host, port }) =>
        `The socket ${host}/.s.PGSQL.${port} cannot be opened: start Postgres, or correct the folder in ${settings}.`,
    ),
  },
  {
    code: /^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/,
    reason: away(
      (place) => `Can this machine reach ${addressOf(place)}? Look at firewalls, routes and security groups.`,
    ),
  },
  {
    words: /^(timeout expired|Connection terminated due to connection timeout)/,
    reason: away((place) => `${addressOf(place)} did not answer in time: check firewalls and the load of the server.`),
  },
  {
    words: /^timeout exceeded when trying to connect/,
    reason: busy(
      () =>
        'All connections of the pool are in use: raise CLAVIGER_DATABASE_POOL_SIZE, or find the slow statements in pg_stat_activity.',
    ),
  },
  // TLS.
  {
    words: /does not support SSL connections/,
    reason: refused(
      () =>
        'The server does not support TLS, but sslmode requires it: turn ssl on in postgresql.conf, or set sslmode=prefer (PGSSLMODE).',
    ),
  },
  {
    code: /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    reason: refused(
      ({ host }) =>
        `The server's certificate does not name ${host}: connect to a name in the certificate, issue a certificate for ${host}, or set sslmode=verify-ca (PGSSLMODE).`,
    ),
  },
  {
    code: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    reason: refused(() => "Renew the server's certificate, or set this machine's clock."),
  },
  {
    code: /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|INVALID_CA)$/,
    reason: refused(
      () =>
        "The authority that issued the server's certificate is not trusted here: set sslrootcert (PGSSLROOTCERT) to the file with the authority's certificate.",
    ),
  },
  {
    code: /^(ERR_SSL_\w+|ERR_TLS_\w+|ERR_OSSL_\w+|EPROTO)$/,
    words: /establishing an SSL connection/,
    reason: refused(
      () =>
        'The TLS handshake failed: compare ssl_min_protocol_version, ssl_ciphers and the certificates of the server with sslmode, sslcert and sslkey here.',
    ),
  },
  // Authentication.
  {
    code: /^28P01$/,
    reason: refused(({ role }) => `Correct the user and the password in ${settings}; the role is ${quoted(role)}.`),
  },
  {
    words: /no pg_hba\.conf entry.*no encryption/,
    reason: refused(
      () =>
        'The server accepts only TLS connections from this machine: set sslmode=require (PGSSLMODE), or add a line to its pg_hba.conf.',
    ),
  },
  {
    words: /no pg_hba\.conf entry|pg_hba\.conf rejects/,
    reason: refused(
      ({ role, database }) =>
        `Add a line for role ${quoted(role)} and database ${quoted(database)} from this machine to pg_hba.conf of the server.`,
    ),
  },
  {
    words: /is not permitted to log in/,
    reason: refused(({ role }) => `Run on the server: alter role ${quoted(role)} login`),
  },
  {
    words: /^(SASL|SCRAM).*password must be/,
    reason: refused(
      () => `The server requires a password, but none is set: add it to ${settings} (PGPASSWORD or PGPASSWORD_FILE).`,
    ),
  },
  { words: /^(SASL|SCRAM)/, reason: refused(() => `Correct the user and the password in ${settings}.`) },
  {
    code: /^28...$/,
    reason: refused(({ role }) => `Does the role ${quoted(role)} exist? Correct the user in ${settings}.`),
  },
  {
    code: /^3D000$/,
    reason: refused(
      ({ database, role }) =>
        `Run on the server: create database ${quoted(database)} owner ${quoted(role)} encoding 'UTF8' template template0; or correct the database name in ${settings}.`,
    ),
  },
  // Poolers.
  {
    words: /unsupported startup parameter/i,
    reason: refused(
      () =>
        'A pooler in front of Postgres refuses this parameter: add the parameter to ignore_startup_parameters in pgbouncer.ini.',
    ),
  },
  {
    code: /^(26000|42P05)$/,
    reason: unfit(
      () =>
        'A pooler in transaction mode loses prepared statements: use PgBouncer 1.21 or later with max_prepared_statements above 0, or session mode.',
    ),
  },
  {
    words:
      /^(query_wait_timeout|pgbouncer cannot connect|server login|no such database|client_login_timeout|no more connections allowed)/i,
    reason: away(
      () =>
        'This message comes from the pooler, not from Postgres: check the log, pool_size and max_client_conn of the pooler.',
    ),
  },
  // Resources that the server lacks.
  {
    code: /^53300$/,
    reason: busy(
      ({ role }) =>
        `The server accepts no more connections: lower CLAVIGER_DATABASE_POOL_SIZE or CLAVIGER_WORKERS, raise max_connections, or raise the limit of the role (alter role ${quoted(role)} connection limit n). \`claviger doctor\` counts them.`,
    ),
  },
  { code: /^53100$/, reason: busy(() => "The server's disk is full: free space on it.") },
  {
    code: /^53...$/,
    reason: busy(() => 'The server has run out of memory or another resource: check the log of the server.'),
  },
  // Rights and limits of the database and the role.
  {
    code: /^42501$/,
    reason: unfit(
      ({ role, database }, words) =>
        `Run as the owner of the database: ${grantFor(words, quoted(role), quoted(database))}`,
    ),
  },
  {
    code: /^3F000$/,
    reason: unfit(
      ({ role }) =>
        `No schema on the search_path of role ${quoted(role)} exists: create one, or run: alter role ${quoted(role)} reset search_path`,
    ),
  },
  {
    code: /^25006$/,
    reason: busy(
      ({ role }) =>
        `This server or role is read-only. Is it a standby (select pg_is_in_recovery())? Then connect to the primary. Otherwise run: alter role ${quoted(role)} reset default_transaction_read_only`,
    ),
  },
  {
    words: /has no equivalent in encoding/,
    reason: unfit(
      ({ database }) =>
        `The encoding of database ${quoted(database)} cannot store this text. Create a new database with: create database … encoding 'UTF8' template template0`,
    ),
  },
  {
    code: /^57014$/,
    reason: busy(
      ({ role }) =>
        `A statement exceeded its time limit. To remove a limit of the role, run: alter role ${quoted(role)} reset statement_timeout`,
    ),
  },
  {
    code: /^(25P0[34]|57P05)$/,
    reason: away(
      ({ role }) =>
        `A limit on idle sessions or transactions ended the connection. To remove a limit of the role, run: alter role ${quoted(role)} reset all`,
    ),
  },
  // A server that starts or stops, or a connection that breaks.
  {
    code: /^57P03$/,
    reason: away(() => 'The server is starting, stopping or recovering: wait until it accepts connections.'),
  },
  {
    code: /^57P0.$/,
    reason: away(() => 'The server or its administrator ended the connection; the next one may succeed.'),
  },
  { code: /^58...$/, reason: busy(() => 'The server cannot read or write its files: check the log of the server.') },
  {
    code: /^(08...|ECONNRESET|ECONNABORTED|EPIPE)$/,
    words:
      /^(Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/,
    reason: away(
      () => 'The connection broke. If it breaks again, check the log of the server and the network between.',
    ),
  },
]

function grantFor(words: string, role: string, database: string): string {
  const schema = /for schema "?([^"]+?)"?$/.exec(words)?.[1]
  if (schema !== undefined) return `grant usage, create on schema ${quoted(schema)} to ${role}`
  if (/for database/.test(words)) return `grant connect, create on database ${database} to ${role}`
  const owned = /must be owner of (?:table|relation|view|function|sequence) (\S+)/.exec(words)?.[1]
  if (owned !== undefined) return `alter table ${owned} owner to ${role}`
  return `grant all on all tables in schema public to ${role}; grant all on all sequences in schema public to ${role}`
}

/** Undefined if the error is about the statement, which means a bug in Claviger. */
export function reasonFor(code: string, words: string): Reason | undefined {
  return rows.find((row) => row.code?.test(code) || row.words?.test(words))?.reason
}
