import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresAccountStore } from '../../../src/storage/people/account-store.ts'
import { accountStoreContract } from '../../accounts/account-store.contract.ts'
import { freshDatabase } from '../../harness/database.ts'
import { insertArtifacts } from '../artifact-rows.ts'

let db: Database

beforeAll(async () => {
  db = openDatabase({ url: (await freshDatabase()).url })
})
afterAll(() => db.close())

accountStoreContract(async () => {
  await db.query('truncate accounts cascade')
  return new PostgresAccountStore(db)
})

describe('with the account its state ends, in the same transaction', () => {
  const account = { id: 'acc_ada', email: 'ada@x.y' }

  test.each(['disable', 'signOut', 'remove'] as const)('%s', async (change) => {
    await db.query('truncate accounts cascade')
    const store = new PostgresAccountStore(db)
    await store.insert(account)
    await insertArtifacts(db, [
      { model: 'Session', accountId: 'acc_ada', uid: 's1' },
      { model: 'Grant', accountId: 'acc_ada', grantId: 'g1' },
      { model: 'RefreshToken', accountId: 'acc_ada', grantId: 'g1', sessionUid: 's1' },
    ])
    expect(await store[change](account.id)).toEqual({ sessions: 1, grants: 1, refreshTokens: 1 })
    const { rows } = await db.query('select from artifacts where account_id = $1', [account.id])
    expect(rows).toEqual([])
  })

  test('and when ending fails, the account is as it was', async () => {
    await db.query('truncate accounts cascade')
    const store = new PostgresAccountStore(db)
    await store.insert(account)
    await db.query('alter table artifacts rename to artifacts_away')
    try {
      await expect(store.disable(account.id)).rejects.toThrow()
    } finally {
      await db.query('alter table artifacts_away rename to artifacts')
    }
    expect((await store.find(account.id))?.disabledAt).toBeUndefined()
  })
})
