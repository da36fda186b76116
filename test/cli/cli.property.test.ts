import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Desk } from '../../src/cli/desk.ts'
import { nouns } from '../../src/cli/nouns.ts'
import { openDesk } from '../../src/desk/desk.ts'
import { freshDatabase } from '../harness/database.ts'
import { run } from './run-in-process.ts'
import { StandInDesk } from './stand-in-desk.ts'

const verbs = [
  'add',
  'list',
  'show',
  'set',
  'remove',
  'rotate',
  'rotate-secret',
  'revoke',
  'schedule',
  'import',
  'export',
  'check',
  'create',
  'reset',
  'unlock',
  'disable',
  'enable',
  'set-password',
  'sign-out',
  'end',
]
const options = [
  '--json',
  '--dry-run',
  '--yes',
  '--help',
  '-h',
  '-V',
  '--version',
  '--limit',
  '--search',
  '--after',
  '--name',
  '--id',
  '--preset',
  '--redirect-uri',
  '--add-redirect-uri',
  '--remove-api',
  '--api',
  '--scope',
  '--ttl',
  '--alg',
  '--now',
  '--compromised',
  '--all',
  '--public',
  '--origin',
  '--user',
  '--kind',
  '--port',
  '--workers',
  '--password-stdin',
  '--generate-password',
  '--secret-stdin',
  '--secret-file',
  '--jwks-file',
  '--status',
  '--pkce',
  '--no-first-party',
  '--first-party',
  '--existing',
  '--',
  '-',
  '--as',
]
const hostile = [
  '',
  ' ',
  '\u0000',
  '\u001b[2J\u001b]0;owned\u0007',
  'a\nclaviger: forged',
  '‮txt',
  '__proto__',
  'constructor',
  'toString',
  '-1',
  '1e9',
  '9'.repeat(40),
  '../../etc/passwd',
  '/dev/null',
  "'; drop table accounts; --",
  '%s%n',
  '{}',
  '\ud800',
  'x'.repeat(70_000),
  '=',
  '--=',
  '--json=',
  '--__proto__=1',
  '--constructor',
  '-jjj',
  'ada@example.org',
  'https://a.example/cb',
  'spa',
  '1d',
  'ES256',
  'key-now',
]

const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...options) },
  { weight: 2, arbitrary: fc.constantFrom(...hostile) },
  { weight: 2, arbitrary: fc.constantFrom(...verbs) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...options), fc.string({ maxLength: 12 }))
      .map(([option, value]) => `${option}=${value}`),
  },
)
// Without `events follow`, which ends only at a signal, and `doctor`.
const noun = fc.constantFrom(...nouns.map(({ name }) => name))
const argv = fc
  .oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(noun, fc.constantFrom(...verbs), fc.array(word, { maxLength: 8 }))
        .map(([n, v, rest]) => [n, v, ...rest]),
    },
    { weight: 1, arbitrary: fc.array(word, { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.tuple(noun, fc.array(word, { maxLength: 6 })).map(([n, rest]) => [n, ...rest]) },
  )
  .filter((words) => !words.includes('follow') && !words.includes('doctor'))

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern finds forbidden control characters
const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
const trace = /^\s+at .+:\d+:\d+/m

/** Runs random command lines against `desk` and checks each outcome. */
const throwAt = (desk: Desk, numRuns: number, tidy: () => void = () => undefined) =>
  fc.assert(
    fc.asyncProperty(argv, fc.oneof(fc.constant(''), fc.uint8Array({ maxLength: 60 })), async (words, stdin) => {
      const { code, stdout, stderr } = await run(words, { desk, stdin })
      expect([0, 1, 2]).toContain(code)
      expect(`${stdout}${stderr}`).not.toMatch(trace)
      expect(`${stdout}${stderr}`).not.toMatch(unsafe)
      expect(stderr).not.toContain('unexpected error')
      if (code !== 0) expect(stderr).not.toBe('')
      tidy()
    }),
    { numRuns },
  )

// All runs share one desk, since each desk opens and closes a pool.
let real: Desk
let closeReal = async () => {}
beforeAll(async () => {
  const { url, drop } = await freshDatabase()
  const kek = Buffer.alloc(32, 7).toString('base64url')
  const desk = await openDesk({ DATABASE_URL: url, CLAVIGER_KEY_ENCRYPTION_KEY: kek })
  real = { ...desk, close: async () => {} }
  await run(['clients', 'add', '--preset', 'service', '--name', 'Job', '--id', 'job'], { desk: real })
  closeReal = async () => {
    await desk.close()
    await drop()
  }
})
afterAll(() => closeReal())

describe('a random command line', () => {
  test('exits with 0, 1 or 2, and prints neither a stack trace nor control characters', async () => {
    const desk = new StandInDesk()
    await throwAt(desk, 3000, () => desk.people.clear())
  }, 120_000)

  test('exits with 0, 1 or 2 and prints no stack trace on a real database', async () => {
    await throwAt(real, 1500)
  }, 120_000)

  test.each([
    [['users', 'show']],
    [['users', 'add']],
    [['users', 'add', 'eve@example.org', '--name']],
    [['users', 'list', '--search']],
    [['users', 'list', '--after']],
    [['users', 'list', '--limit']],
    [['users', 'remove', '--yes']],
    [['admin', 'unlock']],
    [['sessions', 'list', '--user']],
    [['sessions', 'end', '--yes']],
    [['events', 'list', '--kind']],
    [['apis', 'add']],
    [['apis', 'add', 'urn:example:a', '--scope']],
    [['apis', 'add', 'urn:example:b', '--alg']],
    [['apis', 'remove', '--yes']],
    [['clients', 'show']],
    [['clients', 'remove', '--yes']],
    [['clients', 'explain']],
    [['clients', 'check', 'job', '--redirect-uri']],
    [['clients', 'check', 'job', '--origin']],
    [['clients', 'add', '--preset', 'service', '--name']],
    [['clients', 'add', '--preset', 'service', '--name', 'Job', '--id']],
    [['clients', 'add', '--preset', 'service', '--name', 'Job', '--api']],
    [['clients', 'add', '--preset', 'service', '--name', 'Job', '--start-uri']],
    [['clients', 'add', '--preset', 'service', '--name', 'Job', '--secret-file']],
    [['clients', 'add', '--preset', 'web', '--name', 'Job', '--redirect-uri']],
    [['clients', 'set', 'job', '--name']],
    [['clients', 'set', 'job', '--add-api']],
    [['clients', 'set', 'job', '--right']],
    [['streams', 'show']],
    [['streams', 'remove', '--yes']],
    [['keys', 'rotate', '--alg']],
    [['keys', 'remove', '--yes']],
    [['keys', 'revoke', '--compromised', '--yes']],
    [['keys', 'import']],
  ])('after %j a hostile value causes no unexpected error and prints no control character', async (words) => {
    for (const value of hostile) {
      const { code, stdout, stderr } = await run([...words, value], { desk: real })
      expect([0, 1, 2]).toContain(code)
      expect({ value: value.slice(0, 60), unsafe: `${stdout}${stderr}`.match(unsafe)?.[0] }).toEqual({
        value: value.slice(0, 60),
        unsafe: undefined,
      })
      expect({ value: value.slice(0, 60), stderr }).not.toMatchObject({
        stderr: expect.stringContaining('unexpected error'),
      })
    }
  })

  test('with --json prints one JSON document or nothing', async () => {
    const desk = new StandInDesk()
    const printing = fc.constantFrom(
      ['users', 'list'],
      ['clients', 'list'],
      ['apis', 'list'],
      ['keys', 'list'],
      ['keys', 'schedule'],
      ['events', 'list'],
      ['migrate', '--status'],
      ['config', 'show'],
      ['users', 'add'],
      ['clients', 'add', '--preset', 'service', '--name'],
      ['apis', 'add'],
    )
    await fc.assert(
      fc.asyncProperty(printing, fc.array(word, { maxLength: 3 }), async (command, rest) => {
        const named = command.filter((each) => !each.startsWith('-'))
        // `--json` comes first, so that no other option takes it as its value.
        const words = [
          ...named.slice(0, 2),
          '--json',
          ...command.slice(named.length > 1 ? 2 : 1),
          ...rest.filter((each) => !/^-(h|V|-h|-v)/.test(each)),
        ]
        const { stdout } = await run(words, { desk })
        if (stdout !== '') JSON.parse(stdout)
      }),
      { numRuns: 1000 },
    )
  }, 60_000)
})
