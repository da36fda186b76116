import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { describe as describeConfig, readConfig } from '../../src/config/config.ts'
import { options } from '../../src/config/options.ts'
import { Failure } from '../../src/errors/failure.ts'

const folder = mkdtempSync(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'config-'))
const key = 'A'.repeat(43)

function fileWith(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function faultsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(env)
    return []
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return error.detail['faults'] as string[]
  }
}

describe('defaults', () => {
  test('an empty environment is a working development configuration', () => {
    expect(readConfig({})).toMatchObject({
      issuer: 'http://localhost:9400',
      host: '127.0.0.1',
      port: 9400,
      managementPort: undefined,
      managementHost: '127.0.0.1',
      databaseUrl: undefined,
      dataDir: './data',
      keyEncryptionKey: undefined,
      keyEncryptionKeyFile: 'keys/kek',
      trustedProxies: [],
      workers: 1,
      keyRotationIntervalSeconds: 30 * 86_400,
      keyPublishLeadSeconds: 86_400,
      accessTokenSeconds: 600,
      refreshTokenIdleSeconds: 14 * 86_400,
      refreshTokenSeconds: 90 * 86_400,
      sessionIdleSeconds: 12 * 3_600,
      sessionSeconds: 30 * 86_400,
      refreshGraceSeconds: 10,
      logLevel: 'info',
      production: false,
    })
  })

  test('the configuration is frozen', () => {
    const config = readConfig({})
    expect(Object.isFrozen(config) && Object.isFrozen(config.trustedProxies)).toBe(true)
  })

  test('an empty variable counts as absent, since compose files pass unset variables as empty', () => {
    expect(readConfig({ CLAVIGER_ISSUER: '', DATABASE_URL: '', DATABASE_URL_FILE: '' })).toEqual(readConfig({}))
  })

  test.each([
    ['of an issuer with one', 'http://localhost:8080', 8080],
    ['9400 behind a proxy', 'https://login.example.com', 9400],
  ])('the listening port is that %s', (_, issuer, port) => {
    expect(readConfig({ CLAVIGER_ISSUER: issuer }).port).toBe(port)
    expect(readConfig({ CLAVIGER_ISSUER: issuer, CLAVIGER_PORT: '1234' }).port).toBe(1234)
  })
})

describe('values', () => {
  test.each([
    ['500ms', 0.5],
    ['5s', 5],
    ['10m', 600],
    ['24h', 86_400],
    ['30d', 2_592_000],
  ])('a duration is written %s', (text, seconds) => {
    expect(readConfig({ CLAVIGER_KEY_PUBLISH_LEAD: text, CLAVIGER_KEY_ROTATION_INTERVAL: '60d' })).toMatchObject({
      keyPublishLeadSeconds: seconds,
    })
  })

  test.each(['10', '10 m', '-1s', '1.5h', '1w', '10M', '9999999999s', '0s'])(
    '%s is refused as the lifetime of an access token',
    (text) => {
      expect(faultsOf({ CLAVIGER_ACCESS_TOKEN_TTL: text })).toEqual([
        expect.stringMatching(/^CLAVIGER_ACCESS_TOKEN_TTL must be/),
      ])
    },
  )

  test('the lifetime of an access token is at most an hour', () => {
    expect(faultsOf({ CLAVIGER_ACCESS_TOKEN_TTL: '61m' })).toEqual([
      'CLAVIGER_ACCESS_TOKEN_TTL must be between 1s and 1h',
    ])
  })

  test.each([
    ['https://login.example.com', 'https://login.example.com'],
    ['https://login.example.com/', 'https://login.example.com'],
    ['https://Login.Example.com:443/a/b/', 'https://login.example.com/a/b'],
    ['http://127.0.0.1:9400', 'http://127.0.0.1:9400'],
    ['http://[::1]:9400', 'http://[::1]:9400'],
    ['http://app.localhost', 'http://app.localhost'],
  ])('the issuer %s becomes %s', (given, issuer) => {
    expect(readConfig({ CLAVIGER_ISSUER: given }).issuer).toBe(issuer)
  })

  test.each([
    ['http://login.example.com', /https/],
    ['http://localhost.evil.example', /https/],
    ['http://127.0.0.1.evil.example', /https/],
    ['ftp://localhost', /URL/],
    ['login.example.com', /URL/],
    ['https://u:p@x.example', /user name/],
    ['https://x.example/?a', /query/],
    ['https://x.example/#', /fragment/],
    ['https://x.example/a b', /path/],
    ['https://x.example//a', /path/],
    ['https://x.example/%2e%2e', /path|must/],
  ])('%s is refused as the issuer', (given, reason) => {
    const faults = faultsOf({ CLAVIGER_ISSUER: given })
    // `%2e%2e` is resolved by every URL parser and leaves the root, which is fine.
    if (given.includes('%2e')) expect(readConfig({ CLAVIGER_ISSUER: given }).issuer).toBe('https://x.example')
    else expect(faults).toEqual([expect.stringMatching(reason)])
  })

  test('trusted proxies are addresses and blocks, and never every address', () => {
    const { trustedProxies } = readConfig({ CLAVIGER_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8 192.0.2.7' })
    expect(trustedProxies).toEqual(['10.0.0.0/8', 'fd00::/8', '192.0.2.7'])
    for (const wrong of ['0.0.0.0/0', '::/0', 'proxy.internal', '10.0.0.0/33', '10.1', 'true']) {
      expect(faultsOf({ CLAVIGER_TRUSTED_PROXIES: wrong })).toHaveLength(1)
    }
  })

  test('a port that Kubernetes set for a service named claviger is explained', () => {
    expect(faultsOf({ CLAVIGER_PORT: 'tcp://10.0.0.1:9400' })).toEqual([expect.stringContaining('enableServiceLinks')])
  })
})

describe('faults', () => {
  test('one error names every fault with its variable', () => {
    const faults = faultsOf({
      CLAVIGER_ISSUER: 'nope',
      CLAVIGER_PORT: '99999',
      CLAVIGER_WORKERS: '0',
      CLAVIGER_LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://x',
      CLAVIGER_SESSION_TTL: 'forever',
    })
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'CLAVIGER_ISSUER',
      'CLAVIGER_PORT',
      'DATABASE_URL',
      'CLAVIGER_WORKERS',
      'CLAVIGER_SESSION_TTL',
      'CLAVIGER_LOG_LEVEL',
    ])
  })

  test('the Failure is of kind invalid, and its sentence names every fault', () => {
    const read = () => readConfig({ CLAVIGER_PORT: 'x', CLAVIGER_WORKERS: 'y' })
    expect(read).toThrow(expect.objectContaining({ code: 'config_invalid', kind: 'invalid' }))
    expect(read).toThrow(/CLAVIGER_PORT must.*\n.*CLAVIGER_WORKERS must/)
  })

  test.each<[string, NodeJS.ProcessEnv, RegExp]>([
    ['refresh tokens idle longer than they live', { CLAVIGER_REFRESH_TOKEN_IDLE_TTL: '91d' }, /REFRESH_TOKEN_IDLE_TTL/],
    ['sessions idle longer than they live', { CLAVIGER_SESSION_IDLE_TTL: '31d' }, /SESSION_IDLE_TTL/],
    ['keys published longer than they sign', { CLAVIGER_KEY_PUBLISH_LEAD: '30d' }, /KEY_PUBLISH_LEAD/],
    ['both listeners on one port', { CLAVIGER_MANAGEMENT_PORT: '9400' }, /MANAGEMENT_PORT/],
    ['more connections than the embedded Postgres has', { CLAVIGER_WORKERS: '16' }, /WORKERS/],
    ['a short publish lead in production', { NODE_ENV: 'production', CLAVIGER_KEY_PUBLISH_LEAD: '1m' }, /at least 10m/],
    [
      'a rotation by the minute in production',
      { NODE_ENV: 'production', CLAVIGER_KEY_PUBLISH_LEAD: '10m', CLAVIGER_KEY_ROTATION_INTERVAL: '11m' },
      /at least 1h/,
    ],
  ])('values that contradict each other are refused: %s', (_, env, reason) => {
    expect(faultsOf(env)).toEqual([expect.stringMatching(reason)])
  })

  test('times may be short outside production', () => {
    const config = readConfig({ CLAVIGER_KEY_PUBLISH_LEAD: '1s', CLAVIGER_KEY_ROTATION_INTERVAL: '3s' })
    expect(config.keyRotationIntervalSeconds).toBe(3)
  })

  test('any text in a variable leads to a configuration or to a list of faults', () => {
    const names = Object.values(options).flatMap(({ env }) => [env, `${env}_FILE`])
    const env = fc.dictionary(fc.constantFrom(...names), fc.string({ unit: 'binary', maxLength: 80 }))
    fc.assert(
      fc.property(env, (given) => {
        expect(Array.isArray(faultsOf(given))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('destinations of outbound requests', () => {
  const allowed = (env: NodeJS.ProcessEnv) => readConfig(env).outboundAllowed
  const local = ['127.0.0.0/8', '::1/128']
  const production = { NODE_ENV: 'production' }

  test.each<[string, NodeJS.ProcessEnv, string[]]>([
    ['beside a loopback issuer of a developer, loopback', {}, local],
    ['in production nothing private', production, []],
    ['beside an issuer that others reach, nothing private', { CLAVIGER_ISSUER: 'https://a.example' }, []],
    [
      'what is listed',
      { ...production, CLAVIGER_OUTBOUND_ALLOWED: 'Hooks.Internal, 10.1.0.0/16 fd00::1' },
      ['hooks.internal', '10.1.0.0/16', 'fd00::1'],
    ],
  ])('allowed: %s', (_, env, expected) => {
    expect(allowed(env)).toEqual(expected)
  })

  test.each([
    'https://hooks.internal',
    'hooks.internal:8080',
    '10.0.0.0/33',
    '0.0.0.0/0',
    '::/0',
    '*.internal',
    '10.*',
  ])('%s is refused as a destination', (text) => {
    expect(faultsOf({ CLAVIGER_OUTBOUND_ALLOWED: text })).toEqual([
      expect.stringMatching(/^CLAVIGER_OUTBOUND_ALLOWED must/),
    ])
  })
})

describe('secrets', () => {
  test('every secret option can also be read from the file in NAME_FILE', () => {
    const samples: Record<string, string> = {
      DATABASE_URL: 'postgres://u:p@h/d',
      CLAVIGER_DATABASE_DIRECT_URL: 'postgres://u:p@h2/d',
      CLAVIGER_KEY_ENCRYPTION_KEY: key,
      CLAVIGER_PKCS11_PIN: '1234',
    }
    const secret = Object.values(options).filter((option) => option.secret !== undefined)
    expect(secret.map(({ env }) => env).sort()).toEqual(Object.keys(samples).sort())
    for (const { env } of secret) {
      const path = fileWith(env, samples[env] ?? '')
      const described = describeConfig(readConfig({ PGHOST: 'h', [`${env}_FILE`]: path })).find(
        (row) => row.env === env,
      )
      expect(described).toMatchObject({ from: 'file', by: `${env}_FILE=${path}` })
    }
  })

  test.each([
    ['DATABASE_URL', 'postgres://u:p@h/d', 'databaseUrl'],
    ['DATABASE_URL', 'postgres://u:p@h/d\n', 'databaseUrl'],
  ] as const)('%s may stand in a file that %s_FILE names', (name, text, key_) => {
    const config = readConfig({ [`${name}_FILE`]: fileWith('url', text) })
    expect(config[key_]).toBe(text.trim())
  })

  test('a key-encryption key in a file is not copied into the configuration', () => {
    const path = fileWith('kek', `${key}\n`)
    const config = readConfig({ CLAVIGER_KEY_ENCRYPTION_KEY_FILE: path })
    expect(config).toMatchObject({ keyEncryptionKey: undefined, keyEncryptionKeyFile: path })
  })

  test.each([
    ['a file that is not there', { DATABASE_URL_FILE: '/nonexistent' }, /DATABASE_URL_FILE .*ENOENT/],
    ['an empty file', { DATABASE_URL_FILE: fileWith('empty', '\n') }, /is empty/],
    ['a folder', { DATABASE_URL_FILE: folder }, /EISDIR/],
    ['both at once', { DATABASE_URL: 'postgres://h/d', DATABASE_URL_FILE: 'x' }, /keep one/],
    ['a malformed key', { CLAVIGER_KEY_ENCRYPTION_KEY_FILE: fileWith('bad', 'short') }, /43 characters/],
  ])('%s is a fault', (_, env, reason) => {
    expect(faultsOf(env)).toEqual([expect.stringMatching(reason)])
  })

  test('no fault quotes a secret', () => {
    const secret = 'hunter2-hunter2'
    for (const env of [
      { DATABASE_URL: secret },
      { DATABASE_URL: `postgres://u:${secret}@h` },
      { CLAVIGER_KEY_ENCRYPTION_KEY: secret },
      { CLAVIGER_KEY_ENCRYPTION_KEY_FILE: fileWith('secret', secret) },
    ]) {
      const faults = faultsOf(env)
      expect(faults).toHaveLength(1)
      expect(faults.join()).not.toContain(secret)
    }
  })

  test('a description names every option, its value and where it came from, with secrets masked', () => {
    const path = fileWith('pw', 'postgres://u:hunter2@h/d?password=hunter2')
    const rows = describeConfig(
      readConfig({ DATABASE_URL_FILE: path, CLAVIGER_KEY_ENCRYPTION_KEY: key, CLAVIGER_WORKERS: '2' }),
    )
    expect(rows.map(({ env }) => env)).toEqual(Object.values(options).map(({ env }) => env))
    const row = (name: string) => rows.find(({ env }) => env === name)
    expect(row('DATABASE_URL')).toMatchObject({ from: 'file', by: `DATABASE_URL_FILE=${path}` })
    expect(row('CLAVIGER_WORKERS')).toMatchObject({ value: '2', from: 'environment', by: undefined })
    expect(row('CLAVIGER_PORT')).toMatchObject({ value: '9400', from: 'default' })
    expect(JSON.stringify(rows)).not.toContain('hunter2')
    expect(JSON.stringify(rows)).not.toContain(key)
  })
})

describe('TLS to the database', () => {
  const url = 'postgres://u@h/d'
  test.each([
    [{ DATABASE_URL: url, PGSSLMODE: 'require' }, `${url}?sslmode=require`],
    [{ DATABASE_URL: `${url}?sslmode=disable`, PGSSLMODE: 'require' }, `${url}?sslmode=disable`],
    [{ DATABASE_URL: url, PGSSLROOTCERT: '/ca.pem' }, `${url}?sslrootcert=%2Fca.pem`],
    [{ DATABASE_URL: url }, url],
  ])('PGSSLMODE and PGSSLROOTCERT hold where the URL says nothing (%j)', (env, databaseUrl) => {
    expect(readConfig(env).databaseUrl).toBe(databaseUrl)
    const both = readConfig({ ...env, CLAVIGER_DATABASE_DIRECT_URL: env.DATABASE_URL })
    expect(both.databaseDirectUrl).toBe(databaseUrl)
  })

  test.each([
    [{ DATABASE_URL: `${url}?sslmode=no-verify` }, /DATABASE_URL has an sslmode that must be one of disable, allow/],
    [{ DATABASE_URL: `${url}?sslmode=Require` }, /must be one of/],
    [{ DATABASE_URL: url, PGSSLMODE: 'on' }, /PGSSLMODE must be one of/],
    [{ PGHOST: 'h', PGSSLMODE: 'on' }, /PGSSLMODE must be one of/],
    [{ DATABASE_URL: `${url}?sslmode=require&sslrootcert=system` }, /needs sslmode=verify-full/],
    [{ DATABASE_URL: url, PGSSLMODE: 'require', PGSSLROOTCERT: 'system' }, /needs PGSSLMODE=verify-full/],
    [{ CLAVIGER_DATABASE_DIRECT_URL: url }, /CLAVIGER_DATABASE_DIRECT_URL needs DATABASE_URL/],
  ])('what libpq would not take is a fault (%j)', (env, fault) => {
    expect(faultsOf(env)).toEqual([expect.stringMatching(fault)])
  })
})

describe('PG* variables', () => {
  test('name the database, special characters included, without encoding', () => {
    const { databaseUrl } = readConfig({
      PGHOST: 'db.internal',
      PGPORT: '5433',
      PGUSER: 'ad min',
      PGPASSWORD: 'p@ss/w:rd?#%',
      PGDATABASE: 'name/odd',
      PGSSLMODE: 'verify-full',
    })
    const url = new URL(databaseUrl ?? '')
    expect(decodeURIComponent(url.username)).toBe('ad min')
    expect(decodeURIComponent(url.password)).toBe('p@ss/w:rd?#%')
    expect(decodeURIComponent(url.pathname)).toBe('/name/odd')
    expect([url.hostname, url.port, url.search]).toEqual(['db.internal', '5433', '?sslmode=verify-full'])
  })

  test.each([
    ['/run/postgresql', 'postgres://u@localhost:5432/d?host=%2Frun%2Fpostgresql'],
    ['::1', 'postgres://u@[::1]:5432/d'],
  ])('PGHOST may be %s', (host, url) => {
    expect(readConfig({ PGHOST: host, PGUSER: 'u', PGDATABASE: 'd' }).databaseUrl).toBe(url)
  })

  test('PGPASSWORD can be read from a file', () => {
    const env = { PGHOST: 'h', PGUSER: 'u', PGDATABASE: 'd', PGPASSWORD_FILE: fileWith('pgpass', 'se:cret\n') }
    expect(readConfig(env).databaseUrl).toBe('postgres://u:se%3Acret@h:5432/d')
    expect(faultsOf({ ...env, PGPASSWORD: 'x' })).toEqual([expect.stringMatching(/PGPASSWORD_FILE .*keep one/)])
    expect(JSON.stringify(describeConfig(readConfig(env)))).not.toContain('cret')
  })

  test('DATABASE_URL has precedence, and a user name alone does not choose a database', () => {
    expect(readConfig({ DATABASE_URL: 'postgres://a/b', PGHOST: 'c' }).databaseUrl).toBe('postgres://a/b')
    expect(readConfig({ PGUSER: 'me', PGPASSWORD: 'x' }).databaseUrl).toBeUndefined()
  })
})
