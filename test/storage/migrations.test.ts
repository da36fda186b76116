import { expect, test } from '@jest/globals'
import { openDatabase } from '../../src/storage/database.ts'
import { pendingMigrations } from '../../src/storage/migrations.ts'
import { freshDatabase } from '../harness/database.ts'

test('a fresh database has nothing left to apply', async () => {
  const { url } = await freshDatabase()
  const db = openDatabase({ url })
  expect(await pendingMigrations(db)).toEqual([])
  await db.close()
})
