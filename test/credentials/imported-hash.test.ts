import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { readImportedHash } from '../../src/credentials/imported-hash.ts'
import { PasswordHasher } from '../../src/credentials/password-hasher.ts'
import { Failure } from '../../src/errors/failure.ts'
import { hashVectors } from './hash-vectors.ts'

const hasher = new PasswordHasher({ cost: { memoryKib: 8, passes: 2, lanes: 1 } })
const digest = 'A'.repeat(43)

describe('a known vector', () => {
  test.each(hashVectors)(
    'of %s is matched by its password alone, and is due for renewal',
    async (_, text, password) => {
      const kept = await hasher.keep(readImportedHash(text))
      expect(await hasher.verify(kept, password)).toBe(true)
      for (const wrong of [`${password}x`, password.slice(1), password.toUpperCase() + password, ''])
        expect(await hasher.verify(kept, wrong)).toBe(false)
      expect(hasher.needsRehash(kept)).toBe(true)
    },
  )

  test.each(hashVectors)('of %s is taken only after the verifier itself was tried on its form', async (_, text) => {
    expect(await hasher.canVerify(readImportedHash(text))).toBe(true)
  })

  test.each(hashVectors.filter(([what]) => /PBKDF2|SSHA|over|phpass/.test(what)))(
    'of %s rests within a hash of ours, without its digest',
    async (_, text) => {
      const hash = readImportedHash(text)
      const kept = await hasher.keep(hash)
      expect(kept).toMatch(/\$argon2id\$v=19\$m=8,t=2,p=1\$[\w+/]+\$[\w+/]{43}$/)
      expect(kept).not.toContain(hash.digest)
      expect(hash.origin).not.toContain(hash.digest)
    },
  )

  test('whose form the verifier cannot check is told before anybody is imported with it', async () => {
    const damaged = [
      {
        origin: '$argon2id$v=19$m=1,t=0,p=9$c29tZXNhbHQ',
        text: `$argon2id$v=19$m=1,t=0,p=9$c29tZXNhbHQ$${digest}`,
        digest,
      },
      { origin: '$unheard-of$c2FsdA', text: undefined, digest },
    ]
    for (const hash of damaged) expect(await hasher.canVerify(hash)).toBe(false)
  })

  test('is matched as it was typed and as we would write it', async () => {
    for (const hashed of ['cafe\u0301', 'café', 'ﬁne']) {
      const digest = createHash('sha256').update(hashed).update('salt1234').digest()
      const text = `{SSHA256}${Buffer.concat([digest, Buffer.from('salt1234')]).toString('base64')}`
      expect(await hasher.verify(await hasher.keep(readImportedHash(text)), hashed)).toBe(true)
    }
  })

  test('of bcrypt is matched whatever its unused bits say', async () => {
    const text = '$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX'
    expect(await hasher.verify(await hasher.keep(readImportedHash(text)), 'U*U')).toBe(true)
  })
})

describe('a wrong password for an imported person', () => {
  const real = new PasswordHasher({ cost: { memoryKib: 19_456, passes: 4, lanes: 1 }, wait: async () => {} })
  let ours: Promise<number> | undefined

  /** Processor time of all threads, so that a busy machine changes nothing. The least of three: what else goes on only adds. */
  async function work(stored: string | undefined): Promise<number> {
    const spent: number[] = []
    for (let run = 0; run < 3; run += 1) {
      const before = process.cpuUsage()
      expect(await real.verify(stored, 'wrong')).toBe(false)
      const { user, system } = process.cpuUsage(before)
      spent.push(user + system)
    }
    return Math.min(...spent)
  }

  test.each(hashVectors.filter(([what]) => /bcrypt|argon2i |scrypt|SSHA|Django|phpass/.test(what)))(
    'never costs less than one of ours: %s',
    async (_, text) => {
      const kept = await real.keep(readImportedHash(text))
      // Without ours, each would cost a fraction.
      ours ??= work(undefined)
      expect(await work(kept)).toBeGreaterThan((await ours) / 2)
    },
  )
})

describe('refused, in a sentence that does not quote it, is', () => {
  test.each([
    ['nothing', ''],
    ['a plain password', 'correct horse'],
    ['an unsalted hash', '5f4dcc3b5aa765d61d8327deb882cf99'],
    ['{SHA}', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='],
    ['{SSHA} with no salt', '{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='],
    ['crypt', '$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc'],
    ['argon2d', `$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$${digest}`],
    ['argon2 with a cost twice', `$argon2id$v=19$m=64,m=64,t=1$c29tZXNhbHQ$${digest}`],
    ['argon2 of 4 TiB', `$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$${digest}`],
    ['argon2 of a million passes', `$argon2id$v=19$m=65536,t=1000000,p=1$c29tZXNhbHQ$${digest}`],
    ['argon2 of no passes', `$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$${digest}`],
    ['argon2 of a thousand lanes', `$argon2id$v=19$m=65536,t=1,p=1000$c29tZXNhbHQ$${digest}`],
    ['argon2 with a digest of four bytes', '$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAA'],
    ['argon2 with a short salt', `$argon2id$v=19$m=64,t=1,p=1$c29t$${digest}`],
    ['bcrypt of 2^31 rounds', '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['bcrypt of 2^3 rounds', '$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['bcrypt $2x$', '$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['bcrypt cut short', '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe'],
    ['scrypt of 1 GiB', `$scrypt$ln=20,r=8,p=1$c2FsdA$${digest}`],
    ['scrypt of 2^99', `$scrypt$ln=99,r=8,p=1$c2FsdA$${digest}`],
    ['scrypt of many lanes', `$scrypt$ln=17,r=8,p=64$c2FsdA$${digest}`],
    ['scrypt with no costs', `$scrypt$ln=0,r=0,p=0$c2FsdA$${digest}`],
    ['scrypt with no salt', `$scrypt$ln=14,r=8,p=1$$${digest}`],
    ['PBKDF2 of a billion iterations', `$pbkdf2-sha256$i=1000000000$c2FsdA$${digest}`],
    ['PBKDF2 of no iterations', `$pbkdf2-sha256$i=0$c2FsdA$${digest}`],
    ['PBKDF2 by MD5', `$pbkdf2-md5$i=1000$c2FsdA$${digest}`],
    ['PBKDF2 that says another length', `$pbkdf2-sha256$i=1000,l=64$c2FsdA$${digest}`],
    ['PBKDF2 that is no base64', '$pbkdf2-sha256$i=1000$c2FsdA$%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%'],
    ['a plain password of Spring Security', '{noop}umbrella sideways in the rain'],
    ['a plain password of LDAP', '{CLEARTEXT}umbrella sideways in the rain'],
    ['{MD5}', '{MD5}X03MO1qnZdYdgyfeuILPmQ=='],
    ['{SMD5}', '{SMD5}zJ1s4mYzRb4Wlq3cOkiKQXNhbHQ='],
    [
      '{SHA256} without salt',
      '{sha256}97cde38028ad898ebc02e690819fa220e88c62e0699403e94fff291cfffaf8410849f27605abcbc0',
    ],
    ['unix-crypt of LDAP', '{CRYPT}$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc'],
    ['unsalted MD5 of Django', 'unsalted_md5$$5f4dcc3b5aa765d61d8327deb882cf99'],
    ['bcrypt_sha256 of 2^31 rounds', 'bcrypt_sha256$$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['scrypt of Django whose cost is no power of two', `scrypt$16385$seasalt$8$1$${digest}`],
    ['scrypt of Django of 1 GiB', `scrypt$1048576$seasalt$8$1$${digest}`],
    ['scrypt that OpenSSL refuses', `$scrypt$ln=16,r=1,p=1$c2FsdA$${digest}`],
    ['PBKDF2 of ASP.NET with a billion iterations', 'ATuaygAAAAAB'.padEnd(84, 'A')],
    ['base64 that only begins like ASP.NET', `AQ${'A'.repeat(62)}`],
    ['phpass of 2^30 rounds', '$P$SPt2ARsIGwXAzGnJ4/hoZ0tMsO9QtZ0'],
    ['phpass of 2^3 rounds', '$P$1Pt2ARsIGwXAzGnJ4/hoZ0tMsO9QtZ0'],
    ['phpass cut short', '$P$BPt2ARsIGwXAzGnJ4/hoZ0tMsO9QtZ'],
    ['scrypt of Firebase of 1 GiB', `$firebase-scrypt$ln=20,r=8$c2FsdA$${digest}`],
    ['a hash with something behind it', '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n'],
    ['what only looks like one of ours', `$ssha256$c2FsdA$argon2id$v=19$m=8,t=2,p=1$c29tZXNhbHQ$${digest}`],
    ['a megabyte', `{SSHA}${'A'.repeat(1_000_000)}`],
  ])('%s', (_, text) => {
    const thrown = (() => {
      try {
        return readImportedHash(text)
      } catch (error) {
        return error
      }
    })()
    expect(thrown).toBeInstanceOf(Failure)
    expect(thrown).toMatchObject({ code: 'password_hash_refused', kind: 'invalid' })
    const { message } = thrown as Failure
    for (const part of text.split(/[${}]/).filter((each) => each.length > 12)) expect(message).not.toContain(part)
  })
})
