import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresAccountStore } from '../../../src/storage/people/account-store.ts'
import { PostgresPasswordStore } from '../../../src/storage/people/password-store.ts'
import { freshDatabase } from '../../harness/database.ts'
import { artifactsLeft, insertArtifacts } from '../artifact-rows.ts'

let db: Database

beforeAll(async () => {
  db = openDatabase({ url: (await freshDatabase()).url })
})
afterAll(() => db.close())

describe('passwords in the database', () => {
  let passwords: PostgresPasswordStore

  beforeEach(async () => {
    await db.query('truncate accounts, artifacts cascade')
    await new PostgresAccountStore(db).insert({ id: 'acc_ada', email: 'Ada@x.y' })
    passwords = new PostgresPasswordStore(db)
  })

  test('come with the account in one look-up, by its name in any case', async () => {
    await passwords.set('acc_ada', 'a hash')
    const found = await passwords.findByLogin(' ADA@x.y ')
    expect(found).toMatchObject({ account: { id: 'acc_ada', email: 'Ada@x.y' }, hash: 'a hash' })
    expect(found?.account.createdAt).toBeInstanceOf(Date)
  })

  test('an account without one, and a disabled one, are found too', async () => {
    expect((await passwords.findByLogin('ada@x.y'))?.hash).toBeUndefined()
    await new PostgresAccountStore(db).disable('acc_ada')
    expect((await passwords.findByLogin('ada@x.y'))?.account.disabledAt).toBeInstanceOf(Date)
  })

  test.each(['nobody@x.y', '', 'ada@x.y\0'])('%j is nobody', async (login) => {
    expect(await passwords.findByLogin(login)).toBeUndefined()
  })

  test('a new one ends the other sessions and keeps the one in which it was changed', async () => {
    const ada = { accountId: 'acc_ada' }
    await insertArtifacts(db, [
      { ...ada, model: 'Session', uid: 's1', grants: { shop: 'g1' } },
      { ...ada, model: 'Grant', grantId: 'g1' },
      { ...ada, model: 'Session', uid: 's2', grants: { shop: 'g2' } },
      { ...ada, model: 'Grant', grantId: 'g2' },
      { ...ada, model: 'RefreshToken', grantId: 'g2', sessionUid: 's2' },
    ])
    expect(await passwords.set('acc_ada', 'new', { keepSessionUid: 's1' })).toEqual({
      sessions: 1,
      grants: 1,
      refreshTokens: 1,
    })
    expect(await artifactsLeft(db)).toEqual(['Grant:g1', 'Session:s1'])
    expect(await passwords.set('acc_ada', 'newer')).toMatchObject({ sessions: 1, grants: 1 })
    expect((await passwords.findByLogin('ada@x.y'))?.hash).toBe('newer')
  })

  test('none can be set for nobody', async () => {
    await expect(passwords.set('acc_nobody', 'x')).rejects.toMatchObject({ code: 'account_missing', kind: 'missing' })
  })

  test('a renewed hash signs nobody out and never overwrites a password set meanwhile', async () => {
    await passwords.set('acc_ada', 'old')
    await insertArtifacts(db, [{ accountId: 'acc_ada', model: 'Session', uid: 's1' }])
    await passwords.rehash('acc_ada', 'old', 'renewed')
    await passwords.rehash('acc_ada', 'old', 'late')
    expect((await passwords.findByLogin('ada@x.y'))?.hash).toBe('renewed')
    expect(await artifactsLeft(db)).toEqual(['Session:s1'])
  })

  test('imported hashes are known by the first and last of each form and cost, and hashes set here by none', async () => {
    const tail = 'c2FsdA$argon2id$v=19$m=8,p=1,t=2$c2FsdA$ZGlnZXN0'
    const brought = [
      '$2b$10$CCCCCC',
      '$2b$10$DDDDDD',
      '$2b$12$CCCCCC',
      `$ssha256$${tail}`,
      `$pbkdf2-sha1$i=9,l=20$${tail}`,
    ]
    for (const [index, hash] of brought.entries()) {
      const id = `acc_${index}` as const
      await new PostgresAccountStore(db).insert({ id, email: `${index}@x.y` })
      await db.query('insert into passwords (account_id, hash, imported_from) values ($1, $2, $2)', [id, hash])
    }
    await passwords.set('acc_ada', '$2b$14$EEEEEE')
    expect([...new Set(await passwords.importedExamples())].sort()).toEqual(brought.sort())
  })

  test('go with the account', async () => {
    await passwords.set('acc_ada', 'a hash')
    await new PostgresAccountStore(db).remove('acc_ada')
    expect((await db.query('select from passwords')).rowCount).toBe(0)
  })
})
