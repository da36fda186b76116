import { monitorEventLoopDelay } from 'node:perf_hooks'
import { describe, expect, test } from '@jest/globals'
import { type Argon2Cost, PasswordHasher } from '../../src/credentials/password-hasher.ts'
import { Failure } from '../../src/errors/failure.ts'

/** The smallest that argon2 allows; tests of behaviour need no more. */
const cheap: Argon2Cost = { memoryKib: 8, passes: 2, lanes: 1 }
const hasher = new PasswordHasher({ cost: cheap })

describe('passwords at rest', () => {
  test('are argon2id hashes of 19 MiB and two passes, as PHC strings', async () => {
    expect(await new PasswordHasher().hash('umbrella sideways')).toMatch(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22,}\$[\w+/]{43}$/,
    )
  })

  test('have a salt of their own', async () => {
    expect(await hasher.hash('same')).not.toBe(await hasher.hash('same'))
  })

  test('are matched whole and exactly, but for composition of letters', async () => {
    const hash = await hasher.hash('cafe\u0301 umbrella')
    expect(await hasher.verify(hash, 'café umbrella')).toBe(true)
    expect(await hasher.verify(hash, 'Café umbrella')).toBe(false)
    expect(await hasher.verify(hash, 'café umbrella ')).toBe(false)
    expect(await hasher.verify(hash, 'café umbrell')).toBe(false)
  })

  test('are not cut off anywhere below the limit', async () => {
    const hash = await hasher.hash('p'.repeat(1024))
    expect(await hasher.verify(hash, 'p'.repeat(1024))).toBe(true)
    expect(await hasher.verify(hash, `${'p'.repeat(1023)}q`)).toBe(false)
  })

  test('are due for a new hash when the parameters changed', async () => {
    const hash = await hasher.hash('umbrella')
    expect(hasher.needsRehash(hash)).toBe(false)
    expect(new PasswordHasher({ cost: { ...cheap, passes: 3 } }).needsRehash(hash)).toBe(true)
    expect(new PasswordHasher().needsRehash(hash)).toBe(true)
    expect(hasher.needsRehash('$2b$10$abcdefghijklmnopqrstuv')).toBe(true)
  })
})

describe('while hashes of other programs are kept', () => {
  const bcrypt = '$2b$08$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
  const paced = () => {
    const waits: number[] = []
    const wait = async (ms: number) => void waits.push(ms)
    return { waits, hasher: new PasswordHasher({ cost: cheap, wait }) }
  }

  test('a name that nobody has waits for the dearest of them, from the first try on', async () => {
    const { hasher, waits } = paced()
    await hasher.learnPace([bcrypt])
    await hasher.verify(undefined, 'umbrella sideways')
    expect(waits).toEqual([expect.any(Number)])
  })

  test('so does a right password, a wrong one and an empty one', async () => {
    const { hasher, waits } = paced()
    const own = await hasher.hash('umbrella sideways')
    await hasher.learnPace([bcrypt])
    expect(await hasher.verify(own, 'umbrella sideways')).toBe(true)
    expect(await hasher.verify(own, 'umbrella upright')).toBe(false)
    expect(await hasher.verify(own, '')).toBe(false)
    expect(waits).toHaveLength(3)
  })

  test('a new kind of them is learnt from the first sign-in against one', async () => {
    const { hasher, waits } = paced()
    await hasher.verify(bcrypt, 'umbrella sideways')
    waits.length = 0
    await hasher.verify(undefined, 'umbrella sideways')
    expect(waits).toHaveLength(1)
  })

  test('one that cannot be verified does not stop the others from being measured', async () => {
    for (const examples of [
      ['$argon2id$v=19$m=8,t=3,p=1$damaged', bcrypt],
      ['$2b$08$damaged', bcrypt],
      [bcrypt, '', 'not a hash'],
    ]) {
      const { hasher, waits } = paced()
      await hasher.learnPace(examples)
      await hasher.verify(undefined, 'umbrella sideways')
      expect(waits).toHaveLength(1)
    }
  })

  test('and nobody waits any more when the last of them was renewed, or where there never were any', async () => {
    const { hasher, waits } = paced()
    await hasher.verify(undefined, 'umbrella sideways')
    expect(waits).toEqual([])
    await hasher.learnPace([bcrypt])
    await hasher.learnPace([])
    await hasher.verify(undefined, 'umbrella sideways')
    expect(waits).toEqual([])
  })
})

describe('a verification', () => {
  test.each([
    ['without any hash', 'umbrella'],
    ['of an empty password', ''],
    ['of an oversize password', 'p'.repeat(1025)],
    ['of a megabyte', '🐘'.repeat(250_000)],
  ])('%s says no after the same work', async (_, password) => {
    const counted = new PasswordHasher({ cost: cheap, concurrency: 1 })
    const verdict = counted.verify(undefined, password)
    expect(counted.running).toBe(1)
    expect(await verdict).toBe(false)
  })

  test('of an empty or oversize password never matches, whatever the hash', async () => {
    const hash = await hasher.hash('x') // the stand-in that is hashed instead
    expect(await hasher.verify(hash, '')).toBe(false)
    expect(await hasher.verify(hash, 'x'.repeat(1025))).toBe(false)
    expect(await hasher.verify(hash, 'x')).toBe(true)
  })
})

describe('a stored hash that cannot be verified', () => {
  const salt = 'c29tZXNhbHRzb21lc2FsdA'
  const digest = 'A'.repeat(43)
  const own = (phc: string) => `$ssha256$c2FsdA${phc}`

  test.each([
    ['is empty', ''],
    ['is plain text', 'umbrella sideways'],
    ['has no digest', `$argon2id$v=19$m=8,t=2,p=1$${salt}`],
    ['has a digest that is not base64', `$argon2id$v=19$m=8,t=2,p=1$${salt}$%%%`],
    ['names costs that argon2 refuses', `$argon2id$v=19$m=1,t=0,p=9$${salt}$${digest}`],
    ['names no costs', `$argon2id$v=19$${salt}$${digest}`],
    ['is of an unknown kind of argon2', `$argon2x$v=19$m=8,t=2,p=1$${salt}$${digest}`],
    ['is bcrypt cut short', '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9'],
    ['is bcrypt with a broken salt', '$2b$05$!CCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['is bcrypt with a broken cost', '$2b$xx$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['is scrypt with impossible costs', `$scrypt$ln=200,r=8,p=1$${salt}$${digest}`],
    ['is scrypt without a digest', `$scrypt$ln=4,r=8,p=1$${salt}$`],
    [
      'is of a form that only a newer release knows',
      `$unheard-of$1$${salt}$argon2id$v=19$m=8,t=2,p=1$${salt}$${digest}`,
    ],
    ['lies damaged within one of ours', own('$argon2id$v=19$m=8')],
    [
      'has a PBKDF2 origin without iterations',
      `$pbkdf2-sha256$i=0,l=32$${salt}$argon2id$v=19$m=8,t=2,p=1$${salt}$${digest}`,
    ],
  ])('because it %s is unreadable, and no password matches it', async (_, stored) => {
    expect(await hasher.check(stored, 'umbrella sideways')).toBe('unreadable')
    expect(await hasher.verify(stored, 'umbrella sideways')).toBe(false)
    expect(() => hasher.needsRehash(stored)).not.toThrow()
  })

  test('is looked at with the work of one of ours, so that it does not answer sooner', async () => {
    const real = new PasswordHasher({ cost: { memoryKib: 19_456, passes: 4, lanes: 1 } })
    const work = async (stored: string | undefined) => {
      const before = process.cpuUsage()
      await real.verify(stored, 'wrong')
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    const least = async (stored: string | undefined) =>
      Math.min(await work(stored), await work(stored), await work(stored))
    expect(await least('$argon2id$v=19$m=8')).toBeGreaterThan((await least(undefined)) / 2)
  })

  test('but only for its padding is verified, as an earlier release imported it', async () => {
    const padded = (text: string) => Buffer.from(text.split('$').at(-1) ?? '', 'base64').toString('base64')
    const hash = await hasher.hash('umbrella sideways')
    const [head, digestPart] = [hash.slice(0, hash.lastIndexOf('$') + 1), padded(hash)]
    expect(digestPart).toMatch(/=$/)
    expect(await hasher.check(head + digestPart, 'umbrella sideways')).toBe('match')
    expect(await hasher.check(head + digestPart, 'umbrella upright')).toBe('mismatch')
  })
})

describe('a burst of sign-ins', () => {
  test('is worked off a few at a time, in order', async () => {
    const few = new PasswordHasher({ cost: cheap, concurrency: 2, queueLimit: 10 })
    const done: number[] = []
    const all = Array.from({ length: 12 }, (_, at) => few.verify(undefined, `guess ${at}`).then(() => done.push(at)))
    expect([few.running, few.depth]).toEqual([2, 10])
    await Promise.all(all)
    expect([few.running, few.depth]).toEqual([0, 0])
    expect(done).toHaveLength(12)
  })

  test('beyond the queue is answered at once, with a time to come back', async () => {
    const few = new PasswordHasher({ cost: cheap, concurrency: 1, queueLimit: 2 })
    const order: string[] = []
    const admitted = Array.from({ length: 3 }, () => few.verify(undefined, 'guess').then(() => order.push('hashed')))
    const refused = few.verify(undefined, 'guess').catch((error: unknown) => {
      order.push('refused')
      return error
    })
    expect(await refused).toMatchObject({ code: 'hashing_busy', kind: 'unavailable', retryAfterSeconds: 1 })
    expect(await refused).toBeInstanceOf(Failure)
    await Promise.all(admitted)
    expect(order).toEqual(['refused', 'hashed', 'hashed', 'hashed'])
  })

  test('leaves the queue usable when a verification fails', async () => {
    const few = new PasswordHasher({ cost: cheap, concurrency: 1, queueLimit: 1 })
    await expect(few.hash(Symbol('no text') as unknown as string)).rejects.toThrow()
    expect([few.running, few.depth]).toEqual([0, 0])
    expect(await few.verify(await few.hash('umbrella'), 'umbrella')).toBe(true)
  })

  test('does not stall the event loop: it turns many times for every password hashed', async () => {
    const real = new PasswordHasher({ queueLimit: 50 })
    const delay = monitorEventLoopDelay({ resolution: 1 })
    let turns = 0
    let isOver = false
    const turn = () => {
      turns += 1
      if (!isOver) setImmediate(turn)
    }
    turn()
    delay.enable()
    const began = performance.now()
    await Promise.all(Array.from({ length: 50 }, () => real.verify(undefined, 'umbrella')))
    const took = performance.now() - began
    isOver = true
    delay.disable()
    expect(turns).toBeGreaterThan(50 * 10)
    // Were the hashing on the loop, one turn would take as long as all of them together.
    expect(delay.percentile(99) / 1e6).toBeLessThan(took / 4)
  })
})
