import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { AttemptThrottle } from '../../../src/credentials/attempt-throttle.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresAttemptStore } from '../../../src/storage/people/attempt-store.ts'
import { attemptStoreContract } from '../../credentials/attempt-store.contract.ts'
import { freshDatabase } from '../../harness/database.ts'

let db: Database
/** Another process on the same database, as far as the database can tell. */
let elsewhere: Database

beforeAll(async () => {
  const { url } = await freshDatabase()
  db = openDatabase({ url })
  elsewhere = openDatabase({ url })
})
afterAll(async () => {
  await db.close()
  await elsewhere.close()
})

attemptStoreContract(() => ({
  store: new PostgresAttemptStore(db),
  pass: async (seconds) => {
    await db.query(
      `update sign_in_attempts set last_failure_at = last_failure_at - make_interval(secs => $1),
              blocked_until = blocked_until - make_interval(secs => $1), expires_at = expires_at - make_interval(secs => $1)`,
      [seconds],
    )
  },
}))

test('failures are counted by all processes together', async () => {
  const [here, there] = [
    new AttemptThrottle(new PostgresAttemptStore(db)),
    new AttemptThrottle(new PostgresAttemptStore(elsewhere)),
  ]
  const attempt = { login: 'ada@x.y', source: '203.0.113.1', browserId: undefined }
  const guess = async (throttle: AttemptThrottle) => {
    const admission = await throttle.reserve(attempt)
    if (admission.admitted) throttle.failed(attempt)
    return admission
  }
  const seen = await Promise.all(Array.from({ length: 40 }, (_, at) => guess(at % 2 === 0 ? here : there)))
  expect(seen.filter(({ admitted }) => admitted)).toHaveLength(10)
  expect((await there.reserve(attempt)).admitted).toBe(false)
})

test('a sign-in costs one statement to ask and one to settle', async () => {
  const asked: unknown[] = []
  const counting: Database = {
    ...db,
    query: (statement, values) => {
      asked.push(statement)
      return db.query(statement, values)
    },
  } as Database
  const throttle = new AttemptThrottle(new PostgresAttemptStore(counting))
  const attempt = { login: 'bob@x.y', source: '203.0.113.2', browserId: undefined }
  await throttle.reserve(attempt)
  await throttle.succeeded(attempt)
  expect(asked).toHaveLength(2)
})

test('rows tell nobody, and say when housekeeping may take them', async () => {
  await db.query('truncate sign_in_attempts')
  const throttle = new AttemptThrottle(new PostgresAttemptStore(db))
  await throttle.reserve({ login: 'carol@x.y', source: '203.0.113.3', browserId: undefined })
  const { rows } = await db.query<{ row: string; length: number; lasting: boolean }>(
    `select t::text as row, length(key) as length, expires_at > greatest(blocked_until, now()) as lasting from sign_in_attempts t`,
  )
  expect(rows.every(({ length, lasting }) => length === 32 && lasting)).toBe(true)
  expect(JSON.stringify(rows)).not.toMatch(/carol|203\.0\.113/)
})
