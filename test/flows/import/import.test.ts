/** People of another program, with the passwords that they have: from a file to a sign-in. */
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

interface Imported extends CommandResult {
  outcomes: Record<string, unknown>[]
  totals: Record<string, unknown>
}

async function runImport(file: string | readonly object[], ...more: string[]): Promise<Imported> {
  const text = typeof file === 'string' ? file : file.map((row) => `${JSON.stringify(row)}\n`).join('')
  const options = { DATABASE_URL: database.url, CLAVIGER_ISSUER: provider.issuer, ...env }
  const result = await runClaviger(['users', 'import', '-f', '-', '--json', ...more], options, text)
  const documents = result.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { ...result, outcomes: documents.slice(0, -1), totals: documents.at(-1) ?? {} }
}

const signsIn = async (email: string, password: string): Promise<boolean> =>
  (await signIn(new UserAgent(provider.issuer), app.start().url, { email, password })).left

const hashOf = async (email: string): Promise<string | undefined> => {
  const [row] = await rows.query<{ hash: string }>(
    'select hash from passwords join accounts on id = account_id where email = $1',
    [email],
  )
  return row?.hash
}

const everything = () =>
  rows.query(
    'select a.*, p.hash, p.imported_from from accounts a left join passwords p on p.account_id = a.id order by id',
  )

const crowd = [
  {
    email: 'argon2id@example.org',
    password: 'password',
    password_hash: '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  },
  {
    email: 'bcrypt@example.org',
    password: 'U*U',
    password_hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  },
  {
    email: 'scrypt@example.org',
    password: 'correct horse',
    password_hash: '$scrypt$ln=12,r=8,p=1$c2FsdDEyMzQ$fl+P0CwIXaw1xjZ5h/+9ElGbm7/E2ghrsd7XyIYuYUo',
  },
  {
    email: 'pbkdf2@example.org',
    password: 'lètmein',
    password_hash: 'pbkdf2_sha256$10000$seasalt$CWWFdHOWwPnki7HvkcqN9iA2T3KLW1cf2uZ5kvArtVY=',
  },
  {
    email: 'ssha@example.org',
    password: 'password',
    password_hash: '{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ',
  },
]
const crowdFile = crowd.map(({ password, ...row }) => row)

describe('people of another program', () => {
  test('are only counted by a dry run, which changes nothing', async () => {
    const before = await everything()
    const dry = await runImport(crowdFile, '--dry-run')
    expect(dry.code).toBe(0)
    expect(dry.totals).toEqual({ added: 5, unchanged: 0, collision: 0, refused: 0, dry_run: true })
    expect(await everything()).toEqual(before)
    expect(await rows.count("select count(*) from events where kind = 'account.created'")).toBe(0)
  })

  test('are added, each told by line and with an audit entry, and no hash is in the output', async () => {
    const done = await runImport(crowdFile)
    expect(done.code).toBe(0)
    expect(done.outcomes).toEqual(
      crowd.map(({ email }, index) => ({
        line: index + 1,
        email,
        outcome: 'added',
        id: expect.stringMatching(/^acc_/),
      })),
    )
    for (const { password_hash: hash } of crowd) expect(done.stdout + done.stderr).not.toContain(hash.slice(-20))
    const entries = await rows.query<{ detail: object; actor: string }>(
      "select detail, actor from events where kind = 'account.created'",
    )
    expect(entries).toHaveLength(5)
    for (const entry of entries) {
      expect(entry.detail).toEqual({ imported: true, disabled: false })
      expect(entry.actor).toMatch(/^cli:/)
    }
  })

  test('rest with no digest that is cheap to guess from', async () => {
    expect(await hashOf('pbkdf2@example.org')).toMatch(
      /^\$pbkdf2-sha256\$i=10000,l=32\$[\w+/]+\$argon2id\$v=19\$m=19456,/,
    )
    expect(await hashOf('ssha@example.org')).toMatch(/^\$ssha1\$[\w+/]+\$argon2id\$v=19\$m=19456,/)
  })

  test.each(crowd)('$email: a wrong password is refused, the right one signs in and is kept anew', async (person) => {
    expect(await signsIn(person.email, `${person.password}!`)).toBe(false)
    expect(await hashOf(person.email)).not.toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await signsIn(person.email, person.password)).toBe(true)
    expect(await hashOf(person.email)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]+\$[\w+/]{43}$/)
    expect(await signsIn(person.email, person.password)).toBe(true)
  })

  test('are left alone when they are imported again, even after they signed in', async () => {
    const before = await everything()
    const again = await runImport(crowdFile)
    expect(again.code).toBe(0)
    expect(again.totals).toEqual({ added: 0, unchanged: 5, collision: 0, refused: 0, dry_run: false })
    expect(await everything()).toEqual(before)
  })
})

describe('what they bring along', () => {
  test('is kept: sub, claims, whether the address is theirs, whether they are shut out', async () => {
    const done = await runImport([
      {
        email: 'Kept@Example.org',
        name: 'Kept Person',
        email_verified: true,
        sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
        claims: { locale: 'en-GB', address: { country: 'UK' } },
        password_hash: crowd[4]?.password_hash,
      },
      { email: 'shut@example.org', disabled: true, password_hash: crowd[4]?.password_hash, name: null },
    ])
    expect(done).toMatchObject({ code: 0, outcomes: [{ id: 'auth0|5f7c8ec7c33c6c004bbafe82' }, { outcome: 'added' }] })
    expect(await signsIn('shut@example.org', 'password')).toBe(false)
    expect(await signsIn('kept@example.org', 'password')).toBe(true)
    const shown = await provider.cli<Record<string, unknown>>(['users', 'show', 'auth0|5f7c8ec7c33c6c004bbafe82'])
    expect(shown).toMatchObject({
      id: 'auth0|5f7c8ec7c33c6c004bbafe82',
      email: 'Kept@Example.org',
      email_verified: true,
      name: 'Kept Person',
      claims: { locale: 'en-GB', address: { country: 'UK' } },
    })
  })

  test('is their sub in the tokens of apps', async () => {
    const agent = new UserAgent(provider.issuer)
    const started = app.start()
    const arrived = await signIn(agent, started.url, { email: 'kept@example.org', password: 'password' })
    const { json } = await app.exchange(arrived.url.searchParams.get('code') ?? '', started.verifier)
    const [, payload = ''] = String(json['id_token']).split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
    })
  })
})

describe('nobody is overwritten', () => {
  test('two lines of one person are a collision, and the first counts: Jay@x.y and jay@X.Y', async () => {
    const done = await runImport([
      { email: 'Jay@x.y', name: 'First' },
      { email: 'jay@X.Y', name: 'Second' },
    ])
    expect(done.code).toBe(1)
    expect(done.outcomes).toEqual([
      { line: 1, email: 'Jay@x.y', outcome: 'added', id: expect.any(String) },
      { line: 2, email: 'jay@X.Y', outcome: 'collision', reason: 'line 1 has the same sign-in name' },
    ])
    expect(await rows.query("select name from accounts where login = 'jay@x.y'")).toEqual([{ name: 'First' }])
  })

  test.each([
    ['another sub', { email: 'kept@example.org', sub: 'another' }, /another sub/],
    ['another password', { email: 'JAY@x.y', password_hash: crowd[1]?.password_hash }, /no password, which stays/],
    [
      'the password of somebody else',
      { email: 'ssha@example.org', password_hash: crowd[1]?.password_hash },
      /another pass/,
    ],
    ['the sub of somebody else', { email: 'new@x.y', sub: 'auth0|5f7c8ec7c33c6c004bbafe82' }, /another sign-in name/],
  ])('who is here already stays as they are: %s', async (_, row, reason) => {
    const before = await everything()
    const done = await runImport([row])
    expect(done).toMatchObject({ code: 1, totals: { added: 0, collision: 1 } })
    expect(done.outcomes[0]).toMatchObject({ line: 1, outcome: 'collision', reason: expect.stringMatching(reason) })
    expect(await everything()).toEqual(before)
  })

  test('two lines with one sub are a collision', async () => {
    const done = await runImport([
      { email: 'one@x.y', sub: 'same' },
      { email: 'two@x.y', sub: 'same' },
    ])
    expect(done.outcomes.map(({ outcome }) => outcome)).toEqual(['added', 'collision'])
  })

  test('the sub of a person who was removed is not given to another', async () => {
    await runImport([{ email: 'gone@x.y', sub: 'gone' }])
    await provider.cli(['users', 'remove', '--yes', 'gone@x.y'])
    const done = await runImport([{ email: 'heir@x.y', sub: 'gone' }])
    expect(done).toMatchObject({
      code: 1,
      outcomes: [{ outcome: 'collision', reason: expect.stringMatching(/removed/) }],
    })
  })

  test('no app has the sub of a person, and no person the id of an app: tokens of the one would pass for the other', async () => {
    const done = await runImport([{ email: 'app@x.y', sub: app.id }])
    expect(done).toMatchObject({
      code: 1,
      outcomes: [{ outcome: 'collision', reason: expect.stringMatching(/of an app/) }],
    })
    const add = ['clients', 'add', '--preset', 'service', '--name', 'A service', '--id', 'same']
    const options = { DATABASE_URL: database.url, CLAVIGER_ISSUER: provider.issuer, ...env }
    expect(await runClaviger(add, options)).toMatchObject({ code: 1, stderr: expect.stringMatching(/"same" is taken/) })
    expect(await rows.count("select count(*) from clients where id = 'same'")).toBe(0)
  })

  test('of two imports at once each person is added by one', async () => {
    const people = Array.from({ length: 250 }, (_, at) => ({ email: `race-${at}@x.y` }))
    const both = await Promise.all([runImport(people), runImport(people.toReversed())])
    const added = both.map(({ totals }) => Number(totals['added']))
    expect(added.reduce((sum, each) => sum + each, 0)).toBe(250)
    expect(await rows.count("select count(*) from accounts where login like 'race-%'")).toBe(250)
    for (const { totals } of both) expect(totals['refused']).toBe(0)
  })
})

describe('a bad line', () => {
  const secret = '$2b$10$abcdefghijklmnopqrstuuSECRETSECRETSECRETSECRETSECRET'
  const bad: [what: string, line: string][] = [
    ['broken JSON', `{"email": "a1@x.y", "password_hash": "${secret}`],
    ['a list', '[]'],
    ['a number', '17'],
    ['null', 'null'],
    ['no email', '{}'],
    ['an email that is none', '{"email": "nonsense"}'],
    ['an email that is a number', '{"email": 17}'],
    ['a name that is an object', '{"email": "a2@x.y", "name": {}}'],
    ['a name with control characters', '{"email": "a3@x.y", "name": "a\\u0000b\\u001b[31m"}'],
    ['a name with half a character', '{"email": "a4@x.y", "name": "\\ud800"}'],
    ['email_verified as text', '{"email": "a5@x.y", "email_verified": "true"}'],
    ['disabled as a number', '{"email": "a6@x.y", "disabled": 1}'],
    ['a sub that is too long', `{"email": "a7@x.y", "sub": "${'s'.repeat(256)}"}`],
    ['a sub with a blank', '{"email": "a8@x.y", "sub": "a b"}'],
    ['an empty sub', '{"email": "a9@x.y", "sub": ""}'],
    ['a sub that is a number', '{"email": "b1@x.y", "sub": 7}'],
    ['claims that are none', '{"email": "b2@x.y", "claims": {"sub": "other", "admin": true}}'],
    ['claims that are a list', '{"email": "b3@x.y", "claims": []}'],
    ['a member that we do not know', '{"email": "b4@x.y", "is_admin": true}'],
    ['a prototype', '{"email": "b5@x.y", "__proto__": {"disabled": true}}'],
    ['a hash of no known form', `{"email": "b6@x.y", "password_hash": "${secret.slice(4)}"}`],
    ['a hash that is a number', '{"email": "b7@x.y", "password_hash": 5}'],
    ['a hash that would take hours', `{"email": "b8@x.y", "password_hash": "${secret.replace('$10$', '$31$')}"}`],
    ['an oversize line', `{"email": "b9@x.y", "name": "${'n'.repeat(70_000)}"}`],
    ['JSON ten thousand levels deep', `{"email": "c1@x.y", "claims": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ]

  test('is refused with a reason and its number, and the good ones around it are added', async () => {
    const lines = bad.flatMap(([, line], at) => [line, JSON.stringify({ email: `good-${at}@x.y` })])
    const done = await runImport(`\ufeff${lines.join('\r\n\n')}`)
    expect(done.code).toBe(1)
    expect(done.totals).toMatchObject({ added: bad.length, refused: bad.length, collision: 0 })
    const refused = done.outcomes.filter(({ outcome }) => outcome === 'refused')
    expect(refused.map(({ line }) => line)).toEqual(bad.map((_, at) => at * 4 + 1))
    for (const { reason } of refused) expect(reason).toMatch(/^.{10,300}$/)
    expect(done.stdout + done.stderr).not.toContain('SECRET')
    expect(await rows.count("select count(*) from accounts where login ~ '^[abc][0-9]@x.y'")).toBe(0)
    expect(await rows.count("select count(*) from accounts where login like 'good-%'")).toBe(bad.length)
  })

  test('that is not UTF-8 is refused alone', async () => {
    const { code, stdout } = await runClaviger(
      ['users', 'import', '-f', '-'],
      { DATABASE_URL: database.url, CLAVIGER_ISSUER: provider.issuer, ...env },
      Buffer.from('{"email": "latin@x.y", "name": "Andr\u00e9"}\n{"email": "after@x.y"}\n', 'latin1'),
    )
    expect(code).toBe(1)
    expect(stdout).toMatch(/^line 1: refused, is not UTF-8 text/)
    expect(stdout).toMatch(/Added 1 person; 0 there already, 0 collisions, 1 refused/)
  })

  test.each([
    ['a file that is not there', ['-f', '/nowhere/people.jsonl'], /cannot be read/],
    ['a folder', ['-f', '/'], /cannot be read/],
    ['no file', [], /--file/],
  ])('is not blamed for %s: exit 2', async (_, args, words) => {
    const options = { DATABASE_URL: database.url, CLAVIGER_ISSUER: provider.issuer, ...env }
    const { code, stderr } = await runClaviger(['users', 'import', ...args], options)
    expect(code).toBe(2)
    expect(stderr).toMatch(words)
  })
})
