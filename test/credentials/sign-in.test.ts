import { randomBytes } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Account } from '../../src/accounts/account.ts'
import { normaliseLogin } from '../../src/accounts/login.ts'
import { AttemptThrottle } from '../../src/credentials/attempt-throttle.ts'
import { KnownBrowsers } from '../../src/credentials/known-browser.ts'
import { PasswordHasher } from '../../src/credentials/password-hasher.ts'
import type { AccountWithHash } from '../../src/credentials/password-store.ts'
import { type SignInAttempt, type SignInNeeds, signIn } from '../../src/credentials/sign-in.ts'
import { Failure } from '../../src/errors/failure.ts'
import { MemoryAttemptStore } from './memory-attempt-store.ts'

const cheap = { memoryKib: 8, passes: 2, lanes: 1 }
const right = 'umbrella sideways kettle'

const account = (id: string, changes: Partial<Account> = {}): Account => ({
  id,
  email: `${id}@x.y`,
  emailVerified: true,
  name: undefined,
  claims: {},
  isAdmin: false,
  disabledAt: undefined,
  createdAt: new Date(0),
  updatedAt: new Date(0),
  ...changes,
})

describe('signing in', () => {
  const hasher = new PasswordHasher({ cost: cheap })
  let rightHash: string
  let outdatedHash: string
  let people: Map<string, AccountWithHash>
  let needs: SignInNeeds
  let attempts: MemoryAttemptStore
  let browsers: KnownBrowsers
  let events: { kind: string; reason?: string; accountId?: string | undefined }[]
  let verified: { hash: string | undefined; password: string }[]
  let steps: string[]
  let rehashed: string[]

  beforeAll(async () => {
    rightHash = await hasher.hash(right)
    outdatedHash = await new PasswordHasher({ cost: { ...cheap, passes: 3 } }).hash(right)
  })

  beforeEach(() => {
    ;[events, verified, steps, rehashed] = [[], [], [], []]
    people = new Map<string, AccountWithHash>([
      ['ada@x.y', { account: account('ada'), hash: rightHash }],
      ['old@x.y', { account: account('old'), hash: outdatedHash }],
      ['disabled@x.y', { account: account('disabled', { disabledAt: new Date(0) }), hash: rightHash }],
      ['bare@x.y', { account: account('bare'), hash: undefined }],
      ['damaged@x.y', { account: account('damaged'), hash: '$argon2id$v=19$m=8,t=2,p=1$c2FsdA$!' }],
      ['foreign@x.y', { account: account('foreign'), hash: '$unheard-of$c2FsdA$ZGlnZXN0' }],
    ])
    attempts = new MemoryAttemptStore()
    const throttle = new AttemptThrottle(attempts)
    browsers = new KnownBrowsers({ keys: () => [key], now: () => new Date() })
    needs = {
      passwords: {
        findByLogin: async (login) => {
          steps.push('look up')
          return people.get(normaliseLogin(login) ?? '')
        },
        rehash: async (id, from, to) => {
          rehashed.push(id)
          expect(from).toBe(outdatedHash)
          expect(await hasher.verify(to, right)).toBe(true)
        },
      },
      hasher: {
        check: (hash, password) => {
          steps.push('verify')
          verified.push({ hash, password })
          return hasher.check(hash, password)
        },
        hash: (password) => hasher.hash(password),
        needsRehash: (hash) => hasher.needsRehash(hash),
      },
      throttle: {
        reserve: (attempt) => {
          steps.push('reserve')
          return throttle.reserve(attempt)
        },
        succeeded: (attempt) => throttle.succeeded(attempt),
        failed: (attempt) => throttle.failed(attempt),
        withdrawn: (attempt) => throttle.withdrawn(attempt),
      },
      knownBrowsers: browsers,
      events: {
        succeeded: ({ accountId }) => events.push({ kind: 'succeeded', accountId }),
        rejected: ({ accountId, reason }) => events.push({ kind: 'rejected', accountId, reason }),
      },
    }
  })

  const key = randomBytes(32)
  const attempt = (changes: Partial<SignInAttempt> = {}): SignInAttempt => ({
    login: 'ada@x.y',
    password: right,
    source: '203.0.113.1',
    requestId: 'r1',
    ...changes,
  })
  const guess = async (times: number, changes: Partial<SignInAttempt> = {}) => {
    for (let round = 0; round < times; round += 1)
      await signIn(needs, attempt({ password: 'a wrong guess', ...changes }))
  }

  test('with the right password tells who it is and how they proved it', async () => {
    expect(await signIn(needs, attempt())).toEqual({
      outcome: 'signed-in',
      account: people.get('ada@x.y')?.account,
      amr: ['pwd'],
      acr: 'urn:claviger:acr:password',
    })
    expect(events).toEqual([{ kind: 'succeeded', accountId: 'ada' }])
  })

  test.each([' ADA@x.y ', 'ada@X.Y', 'Ada@x.y'])('ignores the case of the name: %j', async (login) => {
    expect((await signIn(needs, attempt({ login }))).outcome).toBe('signed-in')
  })

  test.each<[string, Partial<SignInAttempt>, string]>([
    ['an unknown person', { login: 'nobody@x.y' }, 'unknown'],
    ['a name that no account can have', { login: 'no\u0000body' }, 'unknown'],
    ['a name of a megabyte', { login: 'j'.repeat(1_000_000) }, 'unknown'],
    ['a disabled account, though the password is right', { login: 'disabled@x.y' }, 'disabled'],
    ['a disabled account with a wrong password', { login: 'disabled@x.y', password: 'wrong' }, 'disabled'],
    ['an account without a password', { login: 'bare@x.y' }, 'no-password'],
    ['an account with a damaged hash', { login: 'damaged@x.y' }, 'unreadable-hash'],
    ['an account with a hash of no known form', { login: 'foreign@x.y' }, 'unreadable-hash'],
    ['a wrong password', { password: 'wrong' }, 'wrong-password'],
    ['an empty password', { password: '' }, 'wrong-password'],
    ['an oversize password', { password: 'p'.repeat(5000) }, 'wrong-password'],
    ['a wrong password under outdated parameters', { login: 'old@x.y', password: 'wrong' }, 'wrong-password'],
  ])('of %s is rejected by the same steps with the same answer', async (_, changes, reason) => {
    expect(await signIn(needs, attempt(changes))).toEqual({ outcome: 'rejected' })
    expect(steps).toEqual(['look up', 'reserve', 'verify'])
    expect(verified).toHaveLength(1)
    expect(events).toEqual([expect.objectContaining({ kind: 'rejected', reason })])
  })

  test('slows down guesses at unknown and at real people exactly alike', async () => {
    const walk = async (login: string) => {
      const seen: unknown[] = []
      for (let round = 0; round < 15; round += 1)
        seen.push(await signIn(needs, attempt({ login, password: 'wrong', source: `2001:db8:${login.length}::1` })))
      return seen
    }
    const real = await walk('ada@x.y')
    expect(await walk('nobody@x.y')).toEqual(real)
    expect(await walk('disabled@x.y')).toEqual(real)
    expect(real.at(-1)).toEqual({ outcome: 'rejected', retryAfterSeconds: 1 })
  })

  test('refused by the throttle looks at no password', async () => {
    await guess(12)
    verified = []
    expect(await signIn(needs, attempt())).toEqual({ outcome: 'rejected', retryAfterSeconds: 1 })
    expect(verified).toEqual([])
    expect(events.at(-1)).toMatchObject({ reason: 'throttled' })
  })

  test('lets no parallel guess slip past the limit', async () => {
    await Promise.all(Array.from({ length: 60 }, (_, at) => signIn(needs, attempt({ password: `guess ${at}` }))))
    expect(verified).toHaveLength(10)
  })

  test('sixty right passwords at once, of one person in one place, all sign in', async () => {
    const all = await Promise.all(Array.from({ length: 60 }, () => signIn(needs, attempt())))
    expect(all.filter(({ outcome }) => outcome === 'signed-in')).toHaveLength(60)
  })

  test('right passwords among parallel guesses open no more guesses than they would one after the other', async () => {
    const guesses = Array.from({ length: 40 }, (_, at) =>
      signIn(needs, attempt({ password: at === 5 ? right : `guess ${at}` })),
    )
    await Promise.all(guesses)
    // Five or more before the right one, ten after it.
    expect(verified.length).toBeLessThanOrEqual(20)
  })

  test('1000 wrong tries from elsewhere never stop the right password from a known browser', async () => {
    const knownBrowser = browsers.issue('ada')
    for (let round = 0; round < 1000; round += 1) await guess(1, { source: `203.0.113.${round % 200}` })
    expect((await signIn(needs, attempt({ source: '203.0.113.1' }))).outcome).toBe('rejected')
    expect((await signIn(needs, attempt({ source: '203.0.113.1', knownBrowser }))).outcome).toBe('signed-in')
  })

  test("another person's known browser opens no way around the limit", async () => {
    await guess(12)
    expect((await signIn(needs, attempt({ knownBrowser: browsers.issue('old') }))).outcome).toBe('rejected')
    expect((await signIn(needs, attempt({ knownBrowser: 'made.up.cookie' }))).outcome).toBe('rejected')
  })

  test('after the right password begins to count anew', async () => {
    await guess(9)
    expect((await signIn(needs, attempt())).outcome).toBe('signed-in')
    await guess(9)
    expect((await signIn(needs, attempt())).outcome).toBe('signed-in')
  })

  test('while hashing is busy fails at once and counts for nothing', async () => {
    const busy = new Failure('hashing_busy', 'unavailable', 'Busy')
    const real = needs.hasher
    needs.hasher = { ...real, check: () => Promise.reject(busy) }
    for (let round = 0; round < 30; round += 1) await expect(signIn(needs, attempt())).rejects.toBe(busy)
    needs.hasher = real
    expect((await signIn(needs, attempt())).outcome).toBe('signed-in')
  })

  test('renews a hash made under outdated parameters, once the password is known to be right', async () => {
    await signIn(needs, attempt({ login: 'old@x.y', password: 'wrong' }))
    expect(rehashed).toEqual([])
    await signIn(needs, attempt({ login: 'old@x.y' }))
    expect(rehashed).toEqual(['old'])
    await signIn(needs, attempt())
    expect(rehashed).toEqual(['old'])
  })

  test('succeeds even when there is no room to renew the hash', async () => {
    needs.hasher = { ...needs.hasher, hash: () => Promise.reject(new Failure('hashing_busy', 'unavailable', 'Busy')) }
    expect((await signIn(needs, attempt({ login: 'old@x.y' }))).outcome).toBe('signed-in')
    expect(rehashed).toEqual([])
  })

  test('never tells the records what was typed', async () => {
    const told: unknown[] = []
    needs.events = { succeeded: (about) => told.push(about), rejected: (about) => told.push(about) }
    await signIn(needs, attempt())
    await signIn(needs, attempt({ login: 'my secret by mistake', password: 'and another' }))
    expect(JSON.stringify(told)).not.toMatch(/umbrella|mistake|another/)
    expect(told).toHaveLength(2)
  })
})
