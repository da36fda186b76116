/** Lets time pass for stored keys: the database's clock cannot be moved, so all their dates are. */
import type { Database } from '../../src/storage/connection/database.ts'

const dates = [
  'created_at',
  'publish_at',
  'promotable_at',
  'promote_at',
  'canary_at',
  'active_at',
  'retired_at',
  'removable_at',
  'removed_at',
  'revoked_at',
]

/** Triggers sleep for this transaction; only a superuser, as in the tests, can do that. */
const WITHOUT_TRIGGERS = `set local session_replication_role = 'replica'`

export async function ageKeys(db: Database, seconds: number): Promise<void> {
  const moved = dates.map((date) => `${date} = ${date} - make_interval(secs => $1)`).join(', ')
  await db.transaction(async (transaction) => {
    await transaction.query(WITHOUT_TRIGGERS)
    await transaction.query(`update signing_keys set ${moved}`, [seconds])
  })
}

export async function forgetKeys(db: Database): Promise<void> {
  await db.transaction(async (transaction) => {
    await transaction.query(WITHOUT_TRIGGERS)
    await transaction.query('delete from signing_key_canary')
    await transaction.query('delete from signing_keys')
    await transaction.query('delete from secrets')
  })
}
