import { spawnSync } from 'node:child_process'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Failure } from '../../src/errors/failure.ts'
import { createAccessLog } from '../../src/events/access-log.ts'
import { isoTimestamp } from '../../src/events/log.ts'
import { linesOf } from './events.ts'

/** No control character and no mark that turns text round, but for the line feed at its end. */
const oneCleanLine = /^[^\p{Cc}\u2028-\u202e]*\n$/u

describe('a log line is one line of JSON', () => {
  test('a line has level, time, fields and sentence', () => {
    const { log, lines } = linesOf()
    log.info({ requestId: 'req-1', tries: 3 }, 'Something happened')
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        requestId: 'req-1',
        tries: 3,
        msg: 'Something happened',
      },
    ])
  })

  test('whatever is in it: no control character, no line break, no escape sequence reaches the terminal', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.string({ unit: 'binary' }), (fields, text) => {
        const { log, written } = linesOf()
        log.info({ ...fields, text }, 'Something happened')
        expect(written).toHaveLength(1)
        expect(written[0]).toMatch(oneCleanLine)
        JSON.parse(written[0] as string)
      }),
      { numRuns: 1000 },
    )
  })

  test('long values are truncated', () => {
    const { log, lines } = linesOf()
    log.info({ path: 'x'.repeat(10_000), list: Array.from({ length: 1000 }, () => 'y') }, 'Something happened')
    expect(String(lines()[0]?.path).length).toBeLessThan(600)
    expect(lines()[0]?.list).toHaveLength(50)
  })

  test('lines below the level are not written', () => {
    const { log, written } = linesOf('warn')
    log.info({}, 'x')
    log.debug({}, 'x')
    expect(written).toEqual([])
    expect([log.isLevelEnabled('info'), log.isLevelEnabled('warn'), log.isLevelEnabled('silent')]).toEqual([
      false,
      true,
      false,
    ])
  })
})

describe('no secret is in a log line', () => {
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhY2NfMSJ9.c2lnbmF0dXJl'
  test.each([
    ['a password', { password: 'hunter2hunter2' }],
    [
      'a client secret in any spelling',
      { client_secret: 'hunter2', clientSecret: 'hunter2', 'Client-Secret': 'hunter2' },
    ],
    ['headers', { headers: { authorization: 'Basic hunter2', cookie: 'hunter2', 'set-cookie': ['hunter2'] } }],
    ['a deep one', { a: { b: { refresh_token: 'hunter2' } } }],
    ['a token in a text', { note: `got ${jwt.replace('c2lnbmF0dXJl', 'hunter2')}` }],
    ['a client secret in a text', { note: 'clv_hunter2hunter2hunter2hunter2' }],
    ['the password of a database address', { note: 'postgres://claviger:hunter2@db/claviger' }],
    ['bytes', { key: Buffer.from('hunter2') }],
    ['a token in an error', { error: new Error(`bad token ${jwt.replace('c2lnbmF0dXJl', 'hunter2')}`) }],
  ])('redacted: %s', (_title, fields) => {
    const { log, written } = linesOf()
    log.info(fields, 'Something happened')
    expect(written[0]).not.toContain('hunter2')
    expect(written[0]).toContain('[redacted]')
  })

  test('codes and details of failures stay readable', () => {
    const { log, lines } = linesOf()
    log.warn(
      {
        error: new Failure('client_missing', 'missing', 'There is no client "x".', {
          detail: { clientId: 'x' },
          cause: new Error('beneath'),
        }),
      },
      'Refused',
    )
    expect(lines()[0]?.error).toMatchObject({
      code: 'client_missing',
      detail: { clientId: 'x' },
      cause: { message: 'beneath' },
    })
  })

  test('the row that Postgres quotes in an error is left out', () => {
    const { log, written } = linesOf()
    log.warn(
      {
        error: Object.assign(new Error('duplicate key'), {
          code: '23505',
          detail: 'Key (email)=(jay@x.example) already exists.',
        }),
      },
      'Refused',
    )
    expect(written[0]).toContain('23505')
    expect(written[0]).not.toContain('jay@x.example')
  })
})

describe('the access log', () => {
  const request = {
    requestId: 'req-1',
    method: 'GET',
    path: '/interaction/abc',
    status: 200,
    milliseconds: 1.2345,
    source: '192.0.2.7',
    routine: false,
  }

  test('the access log has a line for each request of a person', () => {
    const { log, lines } = linesOf()
    createAccessLog(log)(request)
    const { milliseconds: _milliseconds, routine: _routine, ...kept } = request
    expect(lines()).toEqual([{ ...kept, level: 'info', time: expect.any(String), ms: 1.23, msg: 'request' }])
  })

  test('has a line for a routine request of a program when it fails, otherwise at debug only', () => {
    const { log, lines } = linesOf()
    const write = createAccessLog(log)
    write({ ...request, routine: true })
    write({ ...request, routine: true, status: 401 })
    expect(lines().map(({ status }) => status)).toEqual([401])
    const debugging = linesOf('debug')
    createAccessLog(debugging.log)({ ...request, routine: true })
    expect(debugging.lines()).toHaveLength(1)
  })

  test('a hostile path stays one line of JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), fc.string(), (path, method) => {
        const { log, written } = linesOf()
        createAccessLog(log)({ ...request, path, method })
        expect(written[0]).toMatch(oneCleanLine)
        JSON.parse(written[0] as string)
      }),
      { numRuns: 1000 },
    )
  })
})

test('the time of a line is correct across seconds, minutes and years', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4e12 }), { minLength: 1, maxLength: 20 }), (times) => {
      let now = 0
      const stamp = isoTimestamp(() => now)
      for (const time of [...times, (times[0] as number) + 1]) {
        now = time
        expect(stamp()).toBe(`,"time":"${new Date(time).toISOString()}"`)
      }
    }),
  )
})

test('lines still waiting when the process ends are written', () => {
  const script = `import { createLog } from './src/events/log.ts'
    const log = createLog({ level: 'info', production: true })
    for (let n = 0; n < 10; n += 1) log.info({ n }, 'line')
    process.exit(0)`
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--no-warnings', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  expect(
    stderr
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n),
  ).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('in production a terminal gets JSON too; otherwise it gets lines for people', () => {
  const script = (production: boolean) => `import { createLog } from './src/events/log.ts'
    createLog({ level: 'info', production: ${production}, isTerminal: true }).info({ n: 1 }, 'hello')`
  const run = (production: boolean) =>
    spawnSync(process.execPath, ['--input-type=module', '--no-warnings', '-e', script(production)], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    }).stderr
  expect(JSON.parse(run(true))).toMatchObject({ msg: 'hello' })
  expect(run(false)).toContain('INFO')
})
