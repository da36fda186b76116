/** Checks whether Claviger can use a database at all. */
import { Failure } from '../../errors/failure.ts'
import type { Queryable } from '../connection/database.ts'

interface DatabaseFacts {
  encoding: string
  database: string
  /** Schema and name of the table that records applied migrations; null if the table does not exist. */
  ledger: string | null
  columns: string[] | null
}

/** The columns that every release of Claviger has in that table. */
const requiredColumns = ['name', 'checksum', 'applied_at']

/** @throws Failure `database_unfit` if the encoding is not UTF8, `migrations_foreign` if the table belongs to another program */
export async function refuseUnfit(db: Queryable): Promise<{ hasLedger: boolean }> {
  const { rows } = await db.query<DatabaseFacts>(
    `select current_setting('server_encoding') as encoding, current_database() as database,
            (select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
               from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = ledger) as ledger,
            (select array_agg(attname::text order by attnum) from pg_attribute
              where attrelid = ledger and attnum > 0 and not attisdropped) as columns
       from to_regclass('schema_migrations') as ledger`,
  )
  const [found] = rows
  if (found && found.encoding !== 'UTF8') throw wrongEncoding(found)
  const { ledger, columns } = found ?? { ledger: null, columns: null }
  if (found && ledger !== null && !requiredColumns.every((name) => columns?.includes(name))) throw foreignTable(found)
  return { hasLedger: ledger !== null }
}

const wrongEncoding = ({ database, encoding }: DatabaseFacts) =>
  new Failure(
    'database_unfit',
    'conflict',
    `The database "${database}" is encoded in ${encoding}, but Claviger needs UTF8.`,
    {
      detail: {
        encoding,
        hints: [
          `Create a new database: create database "${database}_utf8" encoding 'UTF8' template template0; then set DATABASE_URL or PGDATABASE to it.`,
        ],
      },
    },
  )

const foreignTable = ({ database, ledger, columns }: DatabaseFacts) =>
  new Failure(
    'migrations_foreign',
    'conflict',
    `The table ${ledger} in the database "${database}" belongs to another program.`,
    {
      detail: {
        reason: `the table has the columns ${columns?.join(', ')}; Claviger expects ${requiredColumns.join(', ')}`,
        hints: [
          'Give Claviger a database of its own: create database claviger; then set DATABASE_URL or PGDATABASE to it.',
        ],
      },
    },
  )
