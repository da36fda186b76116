import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { AccountId } from '../../../src/accounts/account.ts'
import type { PersonToAdd } from '../../../src/credentials/people-import-store.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresPeopleImport } from '../../../src/storage/people/people-import.ts'
import { freshDatabase } from '../../harness/database.ts'

let db: Database

beforeAll(async () => {
  db = openDatabase({ url: (await freshDatabase()).url })
})
afterAll(() => db.close())

test('the same people in opposite order, by two imports at once, are each added by one of them', async () => {
  const store = new PostgresPeopleImport(db)
  for (let round = 0; round < 20; round += 1) {
    const people = (by: string) =>
      Array.from({ length: 2_000 }, (_, at): PersonToAdd => {
        const login = `race-${round}-${at}@x.y`
        const id: AccountId = `acc_${by}_${round}_${at}`
        return { person: { id, email: login }, login, disabled: false, password: undefined }
      })
    const [one, other] = await Promise.all([store.add(people('one')), store.add(people('other').toReversed())])
    expect(one.size + other.size).toBe(2_000)
  }
})
