/** Whether a database can be Claviger's at all. */
import { Failure } from '../../errors/failure.ts'
import type { Queryable } from '../connection/database.ts'

interface Found {
  encoding: string
  database: string
  /** Schema and name of the table in which migrations are written down; null where there is none. */
  ledger: string | null
  columns: string[] | null
}

/** What every release has written into that table. */
const ours = ['name', 'checksum', 'applied_at']

/** @throws Failure `database_unfit` for another encoding than UTF8, `migrations_foreign` for another program's table */
export async function refuseUnfit(db: Queryable): Promise<{ hasLedger: boolean }> {
  const { rows } = await db.query<Found>(
    `select current_setting('server_encoding') as encoding, current_database() as database,
            (select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
               from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = ledger) as ledger,
            (select array_agg(attname::text order by attnum) from pg_attribute
              where attrelid = ledger and attnum > 0 and not attisdropped) as columns
       from to_regclass('schema_migrations') as ledger`,
  )
  const [found] = rows
  if (found && found.encoding !== 'UTF8') throw isEncodedOtherwise(found)
  const { ledger, columns } = found ?? { ledger: null, columns: null }
  if (found && ledger !== null && !ours.every((name) => columns?.includes(name))) throw isForeign(found)
  return { hasLedger: ledger !== null }
}

const isEncodedOtherwise = ({ database, encoding }: Found) =>
  new Failure(
    'database_unfit',
    'conflict',
    `The database "${database}" is encoded in ${encoding}, and Claviger needs UTF8.`,
    {
      detail: {
        encoding,
        hints: [
          `Make a new one: create database "${database}_utf8" encoding 'UTF8' template template0; then name it in DATABASE_URL or PGDATABASE.`,
        ],
      },
    },
  )

const isForeign = ({ database, ledger, columns }: Found) =>
  new Failure(
    'migrations_foreign',
    'conflict',
    `The table ${ledger} in the database "${database}" belongs to another program.`,
    {
      detail: {
        reason: `it has the columns ${columns?.join(', ')}; ours has ${ours.join(', ')}`,
        hints: [
          'Give Claviger a database of its own: create database claviger; then name it in DATABASE_URL or PGDATABASE.',
        ],
      },
    },
  )
