import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { readImportedHash } from '../../src/credentials/imported-hash.ts'
import { PasswordHasher } from '../../src/credentials/password-hasher.ts'
import { Failure } from '../../src/errors/failure.ts'

const hasher = new PasswordHasher({ cost: { memoryKib: 8, passes: 2, lanes: 1 } })
const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64').replaceAll('=', '')
const salt = Buffer.from('salt').toString('base64').replaceAll('=', '')

const pbkdf2Sha256 = base64('c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a')
const pbkdf2Sha512 = base64(
  '867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce',
)
const scrypt = base64(
  '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
)

const vectors: [what: string, hash: string, password: string][] = [
  [
    'argon2id (its reference test)',
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    'password',
  ],
  [
    'argon2i (its reference test)',
    '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA',
    'password',
  ],
  [
    'argon2i of version 16',
    '$argon2i$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ',
    'password',
  ],
  ['bcrypt $2a$ (Openwall)', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'],
  ['bcrypt $2y$', '$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK', 'U*U*'],
  ['bcrypt $2b$', '$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a', 'U*U*U'],
  ['scrypt (RFC 7914 §12)', `$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$${scrypt}`, 'pleaseletmein'],
  ['PBKDF2-SHA1 (RFC 6070)', `$pbkdf2-sha1$i=4096$${salt}$SwB5AbdlSJq+rUnZJvch0GWkKcE`, 'password'],
  ['PBKDF2-SHA256', `$pbkdf2-sha256$i=4096,l=32$${salt}$${pbkdf2Sha256}`, 'password'],
  ['PBKDF2-SHA512', `$pbkdf2-sha512$i=1$${salt}$${pbkdf2Sha512}`, 'password'],
  [
    'PBKDF2 of passlib',
    '$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44',
    'password',
  ],
  ['PBKDF2 of Django', 'pbkdf2_sha256$10000$seasalt$CWWFdHOWwPnki7HvkcqN9iA2T3KLW1cf2uZ5kvArtVY=', 'lètmein'],
  ['PBKDF2-SHA1 of Django', 'pbkdf2_sha1$10000$seasalt$oAfF6vgs95ncksAhGXOWf4Okq7o=', 'lètmein'],
  ['{SSHA} of passlib', '{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ', 'password'],
  ['{SSHA256}', '{SSHA256}LBWHKVk8AqLFDGjNCFn++x9EnLelCHLkEmBsFi2U3AJzYWx0MTIzNA==', 'correct horse'],
  [
    '{SSHA512}',
    '{SSHA512}foa0o5b0ZNtnD4d7mkHNhvOYnvv07lgQLIiqhLd1FEa5XsTVUbPtF47ABIGbnQq2Ah1uFh4t800l1g7N4YIQh3NhbHQxMjM0',
    'correct horse',
  ],
]

describe('a known vector', () => {
  test.each(vectors)('of %s is matched by its password alone, and is due for renewal', async (_, text, password) => {
    const kept = await hasher.keep(readImportedHash(text))
    expect(await hasher.verify(kept, password)).toBe(true)
    for (const wrong of [`${password}x`, password.slice(1), password.toUpperCase() + password, ''])
      expect(await hasher.verify(kept, wrong)).toBe(false)
    expect(hasher.needsRehash(kept)).toBe(true)
  })

  test.each(vectors.filter(([what]) => /PBKDF2|SSHA/.test(what)))(
    'of %s rests within a hash of ours, without its digest',
    async (_, text) => {
      const hash = readImportedHash(text)
      const kept = await hasher.keep(hash)
      expect(kept).toMatch(/\$argon2id\$v=19\$m=8,t=2,p=1\$[\w+/]+\$[\w+/]{43}$/)
      expect(kept).not.toContain(hash.digest)
      expect(hash.origin).not.toContain(hash.digest)
    },
  )

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

  test.each(vectors.filter(([what]) => /bcrypt|argon2i |scrypt|SSHA|Django/.test(what)))(
    'never costs less than one of ours: %s',
    async (_, text) => {
      const kept = await real.keep(readImportedHash(text))
      // Without ours, each would cost a fraction.
      ours ??= work(undefined)
      expect(await work(kept)).toBeGreaterThan((await ours) / 2)
    },
  )
})

const digest = 'A'.repeat(43)

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
    for (const part of text.split('$').filter((each) => each.length > 12)) expect(message).not.toContain(part)
  })
})
