import { beforeEach, describe, expect, test } from '@jest/globals'
import { newAccountId } from '../../src/accounts/account.ts'
import type { AccountStore, NewAccount } from '../../src/accounts/account-store.ts'

const ada = (changes: Partial<NewAccount> = {}): NewAccount => ({
  id: newAccountId(),
  email: 'Ada@Example.com',
  ...changes,
})

/** What every store of accounts has to do. `open` gives an empty one. */
export function accountStoreContract(open: () => Promise<AccountStore>): void {
  describe('a store of accounts', () => {
    let store: AccountStore

    beforeEach(async () => {
      store = await open()
    })

    test('keeps a person as they were given, with what was left out at its plainest', async () => {
      const { id } = await store.insert(ada())
      expect(await store.find(id)).toEqual({
        id,
        email: 'Ada@Example.com',
        emailVerified: false,
        name: undefined,
        claims: {},
        isAdmin: false,
        disabledAt: undefined,
        createdAt: expect.any(Date),
        updatedAt: expect.any(Date),
      })
    })

    test('keeps everything that was given', async () => {
      const given = ada({
        emailVerified: true,
        name: 'Ada',
        claims: { locale: 'en', address: { country: 'GB' } },
        isAdmin: true,
      })
      expect(await store.insert(given)).toMatchObject(given)
      expect(await store.find(given.id)).toMatchObject(given)
    })

    test.each(['ada@example.com', ' ADA@EXAMPLE.COM ', 'Ada@Example.com', 'ａda@example.com'])(
      'finds a person by %j',
      async (login) => {
        const { id } = await store.insert(ada())
        expect((await store.findByLogin(login))?.id).toBe(id)
      },
    )

    test.each(['bob@example.com', '', 'ada', 'ada@example.com\0', "' or 1=1 --", 'j'.repeat(100_000)])(
      'finds nobody by %j',
      async (login) => {
        await store.insert(ada())
        expect(await store.findByLogin(login)).toBeUndefined()
      },
    )

    test.each(['acc_unknown', '', 'x\0y'])('finds nobody under the id %j', async (id) => {
      expect(await store.find(id)).toBeUndefined()
    })

    test('one name in any case belongs to one person', async () => {
      await store.insert(ada())
      await expect(store.insert(ada({ email: 'ADA@example.COM' }))).rejects.toMatchObject({
        code: 'account_exists',
        kind: 'conflict',
      })
    })

    test('refuses a name that nobody can sign in with', async () => {
      await expect(store.insert(ada({ email: 'ada' }))).rejects.toMatchObject({
        code: 'account_invalid',
        kind: 'invalid',
      })
    })

    test('of twenty people who take one name at once exactly one gets it', async () => {
      const all = await Promise.allSettled(Array.from({ length: 20 }, () => store.insert(ada())))
      expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    test('changes what is named and leaves the rest', async () => {
      const { id } = await store.insert(ada({ name: 'Ada', emailVerified: true, claims: { locale: 'en' } }))
      const changed = await store.update(id, { name: 'Ada Lovelace' })
      expect(changed).toMatchObject({
        name: 'Ada Lovelace',
        email: 'Ada@Example.com',
        emailVerified: true,
        claims: { locale: 'en' },
      })
      expect(await store.find(id)).toEqual(changed)
    })

    test('removes a name that is null, and replaces the claims as a whole', async () => {
      const { id } = await store.insert(ada({ name: 'Ada', claims: { locale: 'en', nickname: 'Countess' } }))
      const changed = await store.update(id, { name: null, claims: { locale: 'fr' } })
      expect(changed.name).toBeUndefined()
      expect(changed.claims).toEqual({ locale: 'fr' })
      expect(await store.find(id)).toEqual(changed)
    })

    test('of changes at the same moment that build on what is stored, none is lost', async () => {
      const { id } = await store.insert(ada())
      const claims = ['given_name', 'family_name', 'nickname', 'gender', 'locale']
      await Promise.all(
        claims.map((claim) => store.update(id, (before) => ({ claims: { ...before.claims, [claim]: 'en' } }))),
      )
      expect(Object.keys((await store.find(id))?.claims ?? {}).toSorted()).toEqual(claims.toSorted())
    })

    test('a new email is not verified until somebody says so', async () => {
      const { id } = await store.insert(ada({ emailVerified: true }))
      expect((await store.update(id, { email: 'ADA@example.com' })).emailVerified).toBe(true)
      expect((await store.update(id, { email: 'ada@new.example' })).emailVerified).toBe(false)
      expect((await store.update(id, { email: 'ada@newer.example', emailVerified: true })).emailVerified).toBe(true)
      expect(await store.findByLogin('ada@example.com')).toBeUndefined()
    })

    test("refuses to take another person's name", async () => {
      await store.insert(ada())
      const { id } = await store.insert(ada({ email: 'bob@example.com' }))
      await expect(store.update(id, { email: 'ada@EXAMPLE.com' })).rejects.toMatchObject({ code: 'account_exists' })
    })

    test('a username belongs to one person, whatever its case, until it is removed', async () => {
      const first = await store.insert(ada({ username: 'Ada' }))
      const second = await store.insert(ada({ email: 'bob@example.com' }))
      expect((await store.find(first.id))?.username).toBe('Ada')
      await expect(store.update(second.id, { username: 'aDA' })).rejects.toMatchObject({ code: 'username_taken' })
      const third = ada({ email: 'eve@example.com', username: 'ADA' })
      await expect(store.insert(third)).rejects.toMatchObject({ code: 'username_taken' })
      expect((await store.update(first.id, { name: 'Ada' })).username).toBe('Ada')
      expect((await store.update(first.id, { username: null })).username).toBeUndefined()
      expect((await store.update(second.id, { username: 'aDA' })).username).toBe('aDA')
    })

    test('of twenty people who take one username at once exactly one gets it', async () => {
      const all = Array.from({ length: 20 }, (_, index) => ada({ email: `ada${index}@example.com`, username: 'ada' }))
      const results = await Promise.allSettled(all.map((each) => store.insert(each)))
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    test('disables and enables; disabling twice keeps the first date', async () => {
      const { id } = await store.insert(ada())
      await store.disable(id)
      const first = (await store.find(id))?.disabledAt
      expect(first).toBeInstanceOf(Date)
      await store.disable(id)
      expect((await store.find(id))?.disabledAt).toEqual(first)
      expect((await store.enable(id)).disabledAt).toBeUndefined()
      expect((await store.find(id))?.disabledAt).toBeUndefined()
    })

    test('removes a person, and the name is free again', async () => {
      const { id } = await store.insert(ada())
      await store.remove(id)
      expect(await store.find(id)).toBeUndefined()
      expect((await store.insert(ada())).id).not.toBe(id)
    })

    test.each(['update', 'disable', 'enable', 'signOut', 'remove'] as const)(
      '%s of nobody is a failure of kind missing',
      async (change) => {
        await expect(store[change]('acc_nobody', {})).rejects.toMatchObject({
          code: 'account_missing',
          kind: 'missing',
        })
      },
    )

    test('lists in order of creation, page by page, each once', async () => {
      const ids: string[] = []
      for (const name of ['e', 'd', 'c', 'b', 'a'])
        ids.push((await store.insert(ada({ email: `${name}@example.com` }))).id)
      const first = await store.list({ limit: 2 })
      const rest = await store.list({ limit: 10, after: first[1]?.id ?? '' })
      expect([...first, ...rest].map(({ id }) => id)).toEqual(ids)
    })

    test('finds people by a part of name or email, taken literally', async () => {
      await store.insert(ada({ name: 'Ada 100%' }))
      await store.insert(ada({ email: 'bob@example.com', name: 'Bob' }))
      const found = async (search: string) => (await store.list({ limit: 10, search })).map(({ email }) => email)
      expect(await found('EXAMPLE')).toEqual(['Ada@Example.com', 'bob@example.com'])
      expect(await found('bOb')).toEqual(['bob@example.com'])
      expect(await found('%')).toEqual(['Ada@Example.com'])
      expect(await found('_')).toEqual([])
    })

    test('knows whether an administrator could sign in', async () => {
      expect(await store.hasAdmin()).toBe(false)
      const { id } = await store.insert(ada({ isAdmin: true }))
      expect(await store.hasAdmin()).toBe(true)
      await store.disable(id)
      expect(await store.hasAdmin()).toBe(false)
    })
  })
}
