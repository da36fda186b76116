/** Why a database does not do what is asked, by the server's SQLSTATE, the system's code or `pg`'s words; and what mends it. */
import { addressOf, type DatabasePlace } from './database-place.ts'

export interface Reason {
  /** `database_unavailable`: it may pass by itself. `database_refused`: an operator has to do something. */
  code: 'database_unavailable' | 'database_refused'
  /** For anybody, in a browser too: no word of where. */
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

/** The first row that fits decides; special cases stand before general ones. */
const rows: readonly Row[] = [
  // What stands before the server: name, port, socket.
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
    reason: away(
      (place) => `${addressOf(place)} did not answer in time: look at firewalls and at how busy the server is.`,
    ),
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
        'The server speaks no TLS, and sslmode asks for it: switch ssl on in postgresql.conf, or set sslmode=prefer (PGSSLMODE).',
    ),
  },
  {
    code: /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    reason: refused(
      ({ host }) =>
        `The server's certificate is for another name than ${host}: connect by a name that it carries, have it issued for ${host}, or set sslmode=verify-ca (PGSSLMODE).`,
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
        "The server's certificate was not issued by an authority that is trusted here: name the file of that authority's certificate by sslrootcert (PGSSLROOTCERT).",
    ),
  },
  {
    code: /^(ERR_SSL_\w+|ERR_TLS_\w+|ERR_OSSL_\w+|EPROTO)$/,
    words: /establishing an SSL connection/,
    reason: refused(
      () =>
        'TLS could not be agreed on: compare ssl_min_protocol_version, ssl_ciphers and the certificates of the server with sslmode, sslcert and sslkey here.',
    ),
  },
  // Who may come in.
  {
    code: /^28P01$/,
    reason: refused(({ role }) => `Correct the user and the password in ${settings}; the role is ${quoted(role)}.`),
  },
  {
    words: /no pg_hba\.conf entry.*no encryption/,
    reason: refused(
      () =>
        'The server takes only connections with TLS from here: set sslmode=require (PGSSLMODE), or add a line to its pg_hba.conf.',
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
      () => `The server asks for a password and none is set: put it into ${settings} (PGPASSWORD or PGPASSWORD_FILE).`,
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
        'A pooler stands before Postgres and refuses this parameter: name it in ignore_startup_parameters of pgbouncer.ini.',
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
        'This was said by the pooler, not by Postgres: look into its log, and at its pool_size and max_client_conn.',
    ),
  },
  // What the server has too little of.
  {
    code: /^53300$/,
    reason: busy(
      ({ role }) =>
        `The server takes no more connections: lower CLAVIGER_DATABASE_POOL_SIZE or CLAVIGER_WORKERS, raise max_connections, or raise the limit of the role (alter role ${quoted(role)} connection limit n). \`claviger doctor\` counts them.`,
    ),
  },
  { code: /^53100$/, reason: busy(() => "The server's disk is full: make room on it.") },
  {
    code: /^53...$/,
    reason: busy(() => 'The server has run out of memory or of another resource: look into its log.'),
  },
  // What this database or role may not do.
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
        `This server or role only reads. Is it a standby (select pg_is_in_recovery())? Then connect to the primary. Otherwise run: alter role ${quoted(role)} reset default_transaction_read_only`,
    ),
  },
  {
    words: /has no equivalent in encoding/,
    reason: unfit(
      ({ database }) =>
        `The encoding of database ${quoted(database)} cannot hold this text. Make a new database with: create database … encoding 'UTF8' template template0`,
    ),
  },
  {
    code: /^57014$/,
    reason: busy(
      ({ role }) =>
        `A statement took longer than it may. A limit set for the role is lifted by: alter role ${quoted(role)} reset statement_timeout`,
    ),
  },
  {
    code: /^(25P0[34]|57P05)$/,
    reason: away(
      ({ role }) =>
        `A limit on idle sessions or transactions ended the connection. A limit set for the role is lifted by: alter role ${quoted(role)} reset all`,
    ),
  },
  // A server that comes, goes, or is lost on the way.
  {
    code: /^57P03$/,
    reason: away(() => 'The server is starting, stopping or recovering: wait until it accepts connections.'),
  },
  {
    code: /^57P0.$/,
    reason: away(() => 'The server or its administrator ended the connection; the next one may succeed.'),
  },
  { code: /^58...$/, reason: busy(() => 'The server has trouble with its own files: look into its log.') },
  {
    code: /^(08...|ECONNRESET|ECONNABORTED|EPIPE)$/,
    words:
      /^(Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/,
    reason: away(
      () => 'The connection broke. If it happens again, look into the log of the server and at what stands between.',
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

/** Undefined when the error is about the statement: then it is a fault of ours. */
export function reasonFor(code: string, words: string): Reason | undefined {
  return rows.find((row) => row.code?.test(code) || row.words?.test(words))?.reason
}
