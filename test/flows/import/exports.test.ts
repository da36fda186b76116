/** Files as other programs export them. Their hashes were made by other implementations than the one that checks them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type CommandResult, runClaviger } from '../../harness/cli.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { addClient } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const env = { CLAVIGER_KEY_ENCRYPTION_KEY: 'k'.repeat(43) }
const password = 'umbrella sideways'
const file = (name: string) => join(import.meta.dirname, 'files', name)

let database: TestDatabase
let rows: Rows
let provider: Provider
let app: PlainClient

beforeAll(async () => {
  database = await freshDatabase()
  rows = await openRows(database.url)
  provider = await startProvider({ database, env })
  const client = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  app = new PlainClient(client, { issuer: provider.issuer, redirectUri, port: () => provider.port })
}, 120_000)

afterAll(async () => {
  await provider?.stop()
  await rows?.close()
  await database?.drop()
})

const importing = (args: readonly string[], input = ''): Promise<CommandResult> =>
  runClaviger(
    ['users', 'import', ...args],
    { DATABASE_URL: database.url, CLAVIGER_ISSUER: provider.issuer, ...env },
    input,
  )

const tried = (email: string, typed: string) =>
  signIn(new UserAgent(provider.issuer), app.start().url, { email, password: typed })

async function expectPassword(email: string, right: string): Promise<void> {
  expect((await tried(email, `${right}!`)).left).toBe(false)
  expect((await tried(email, right)).left).toBe(true)
}

const person = (email: string) => provider.cli<Record<string, unknown>>(['users', 'show', email])

describe('a Keycloak realm export', () => {
  test('is read whole: people with their passwords are added, and a service account is refused with its line', async () => {
    const dry = await importing(['-f', file('keycloak-realm.json'), '--dry-run'])
    expect(dry.stdout).toMatch(/Would add 5 people; 0 there already, 0 collisions, 1 refused/)
    const done = await importing(['-f', file('keycloak-realm.json')])
    expect(done.stderr).toMatch(/Reading a Keycloak realm export/)
    expect(done.stdout).toMatch(/line \d+ argon2@keycloak\.example: added, without phone_number/)
    const line = readFileSync(file('keycloak-realm.json'), 'utf8').split('"service-account-job"')[0]?.split('\n').length
    expect(done.stdout).toMatch(new RegExp(`line ${Number(line) - 2}: refused, is the service account of a client`))
    expect(done.stdout).toMatch(/Added 5 people; 0 there already, 0 collisions, 1 refused/)
    expect(done.code).toBe(1)
  })

  test.each(['argon2', 'pbkdf2', 'pbkdf2-sha256', 'pbkdf2-sha512'])(
    'lets people with %s sign in',
    async (algorithm) => {
      await expectPassword(`${algorithm}@keycloak.example`, password)
    },
  )

  test('keeps id, names and locale, and leaves out a telephone number of another form', async () => {
    expect(await person('argon2@keycloak.example')).toMatchObject({
      id: '5f0c1d0e-0000-4000-8000-000000000000',
      name: 'Ada Lovelace',
      email_verified: true,
      claims: { given_name: 'Ada', family_name: 'Lovelace', locale: 'en-GB', preferred_username: 'argon2' },
    })
    expect(await person('nopassword@keycloak.example')).toMatchObject({ disabled_at: expect.any(String) })
  })

  test('may be imported again: nothing changes', async () => {
    const again = await importing(['-f', file('keycloak-realm.json')])
    expect(again.stdout).toMatch(/Added 0 people; 5 there already, 0 collisions, 1 refused/)
  })
})

describe('an Auth0 export', () => {
  test('of password hashes lets people sign in, with the sub that Auth0 gave them', async () => {
    expect(await importing(['-f', file('auth0-hashes.jsonl')])).toMatchObject({ code: 0 })
    await expectPassword('hash@auth0.example', password)
    expect(await person('hash@auth0.example')).toMatchObject({ id: 'auth0|60425dc43519d90068f82973' })
  })

  test('of users as CSV adds people, without passwords', async () => {
    const csv = 'user_id,email,email_verified,name\nauth0|csv,csv@auth0.example,true,Ada Lovelace\n'
    expect(await importing(['-f', '-'], csv)).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/an Auth0 export/),
    })
    expect(await person('csv@auth0.example')).toMatchObject({ id: 'auth0|csv', email_verified: true })
  })

  test('for its bulk import is read, and an algorithm that cannot be verified is refused with its line', async () => {
    const done = await importing(['-f', file('auth0-users.json')])
    expect(done).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/line \d+: refused, .*argon2, bcrypt, pbkdf2/),
    })
    await expectPassword('custom@auth0.example', password)
  })
})

describe('a Firebase export', () => {
  const config = ['--firebase-hash-config', file('firebase-hash-config.txt')]

  test('without the hash parameters of its project is refused once, and nobody is added', async () => {
    const done = await importing(['-f', file('firebase-users.json')])
    expect(done).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/--firebase-hash-config/) })
    expect(await rows.count("select count(*) from accounts where login like '%@firebase.example'")).toBe(0)
  })

  test('with other parameters than such is refused, without a word of the file', async () => {
    const done = await importing(['-f', file('firebase-users.json'), '--firebase-hash-config', file('people.csv')])
    expect(done).toMatchObject({ code: 2, stderr: expect.stringMatching(/base64_signer_key must be 64 bytes/) })
    expect(done.stderr).not.toContain('SECRET')
  })

  test('lets people sign in (the example of its documentation), and an anonymous one is refused', async () => {
    const done = await importing(['-f', file('firebase-users.json'), ...config])
    expect(done).toMatchObject({ code: 1, stdout: expect.stringMatching(/Added 1 person; .* 1 refused/) })
    await expectPassword('ada@firebase.example', 'user1password')
    expect(await person('ada@firebase.example')).toMatchObject({ id: 'Kz1', name: 'Ada Lovelace' })
  })

  test('as CSV lets people sign in', async () => {
    expect(await importing(['-f', file('firebase-users.csv'), ...config])).toMatchObject({ code: 0 })
    await expectPassword('csv@firebase.example', 'user1password')
  })

  test('leaves neither signer key nor hash in the database', async () => {
    const kept = await rows.query<{ hash: string }>(
      "select imported_from as hash from passwords where imported_from like '$firebase%'",
    )
    expect(kept.map(({ hash }) => hash)).toEqual(Array(2).fill('$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lwc'))
  })
})

test('a Cognito CSV adds people, who have no password yet', async () => {
  const done = await importing(['-f', file('cognito-users.csv')])
  expect(done).toMatchObject({ code: 0, stderr: expect.stringMatching(/Reading an Amazon Cognito CSV/) })
  expect(await person('ada@cognito.example')).toMatchObject({
    id: '8c1a5b5e-0000-4000-8000-000000000001',
    email_verified: true,
    claims: { phone_number: '+14325551212', phone_number_verified: false, address: { formatted: '12 Any Street' } },
  })
  expect((await tried('ada@cognito.example', password)).left).toBe(false)
})

test('a Django dump lets people sign in, but for one whose password is unusable', async () => {
  expect(await importing(['-f', file('django-users.json')])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/Added 4 people/),
  })
  for (const at of [0, 1, 2]) await expectPassword(`user${at}@django.example`, password)
  expect((await tried('user3@django.example', '!8mXy')).left).toBe(false)
})

test('CSV of our own columns lets people sign in, and a plain password is refused without being told', async () => {
  const done = await importing(['-f', file('people.csv')])
  expect(done).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/line 4 plain@csv\.example: refused, .*\{noop\}/),
  })
  expect(done.stdout + done.stderr).not.toContain('SECRET')
  await expectPassword('ada@csv.example', password)
  await expectPassword('wp@csv.example', password)
  expect(await person('ada@csv.example')).toMatchObject({ id: 'csv-1', claims: { locale: 'en-GB' } })
})

describe('a file that is not understood', () => {
  test.each([
    [
      'CSV with a column that is not known',
      'email,shoe size\na@x.y,44\nb@x.y,45\n',
      /columns that are not known: shoe size/,
    ],
    [
      'JSON lines of another form',
      '{"login":"a"}\n{"login":"b"}\n',
      /no people in a known form: its first row has login/,
    ],
    ['LDIF', 'dn: uid=a\ndn: uid=b\n', /LDIF/],
  ])('because it is %s is refused in one sentence', async (_, content, words) => {
    const { code, stdout, stderr } = await importing(['-f', '-'], content)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.match(/claviger: /g)).toHaveLength(1)
    expect(stderr).toMatch(words)
  })

  test('in its rows tells one reason twenty times, and then how many lines more have it', async () => {
    const content = Array.from({ length: 500 }, (_, at) => JSON.stringify({ email: `p${at}@x.y`, shoe_size: 44 })).join(
      '\n',
    )
    const { stdout } = await importing(['-f', '-'], content)
    expect(stdout.match(/^line \d+.*shoe_size/gm)).toHaveLength(20)
    expect(stdout).toMatch(/480 further lines: refused, .*shoe_size/)
  })
})

describe('a stored hash that cannot be verified', () => {
  const stored: [what: string, hash: string][] = [
    ['damaged', '$argon2id$v=19$m=7168,t=5,p=1$ZGVmZ2hpamtsbW5vcHFycw$Ls98y4/%'],
    [
      'of costs that argon2 refuses',
      '$argon2id$v=19$m=1,t=0,p=1$ZGVmZ2hpamtsbW5vcHFycw$Ls98y4/zHQsG4ZQPhARnNOin9LaidJDYbJK7Hj2Vleo',
    ],
    ['of no known form', '$unheard-of$x'],
    ['empty', ''],
  ]

  const store = async (email: string, hash: string) => {
    await importing(['-f', '-'], JSON.stringify({ email }))
    await rows.query(
      `insert into passwords (account_id, hash, imported_from) select id, $2, 'earlier' from accounts where login = $1`,
      [email, hash],
    )
  }

  test.each(stored)(
    'because it is %s is a wrong password and an event, and looks like an unknown person',
    async (what, hash) => {
      const email = `${what.replaceAll(' ', '-')}@damaged.example`
      await store(email, hash)
      const [here, nowhere] = [await tried(email, password), await tried(`no-${email}`, password)]
      expect(here.left).toBe(false)
      const plain = (text: string) => text.replaceAll(/[\w-]{40,}/g, '').replaceAll(`no-${email}`, email)
      expect(here.status).toBe(nowhere.status)
      expect(plain(here.text)).toBe(plain(nowhere.text))
      const events = await rows.query<{ detail: { reason: string } }>(
        `select detail from events join accounts a on a.id = account_id where kind = 'sign-in.rejected' and a.login = $1`,
        [email],
      )
      expect(events.map(({ detail }) => detail.reason)).toEqual(['unreadable-hash'])
    },
  )

  test('only for its padding, as earlier releases imported it, lets its person sign in', async () => {
    await store(
      'padded@damaged.example',
      '$argon2id$v=19$m=7168,t=5,p=1$ZGVmZ2hpamtsbW5vcHFycw==$Ls98y4/zHQsG4ZQPhARnNOin9LaidJDYbJK7Hj2Vleo=',
    )
    await expectPassword('padded@damaged.example', password)
  })
})
