/** Every sslmode against a server without TLS, one that vouches for itself, and one whose certificate an authority signed. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { tlsModes } from '../../src/config/tls-modes.ts'
import type { Failure } from '../../src/errors/failure.ts'
import { connectDirectly, openDatabase } from '../../src/storage/connection/database.ts'
import { selfSigned, signedBy } from '../harness/certificates.ts'
import { findSystemPostgres } from '../harness/system-postgres.ts'
import { startTcpPostgres, type TcpPostgres } from '../harness/tcp-postgres.ts'

type ServerName = 'plain' | 'self-signed' | 'signed'

let servers: Record<ServerName | 'expired' | 'tls only' | 'plain only', TcpPostgres>
let folder: string
let root: string

beforeAll(async () => {
  folder = await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'tls-'))
  root = join(folder, 'root.crt')
  const authority = await selfSigned('Authority of this test')
  await writeFile(root, authority.certificate)
  // The certificates name localhost; 127.0.0.1 leads there too, and is another name.
  const signed = await signedBy(authority, 'localhost')
  const trust = (kind: string) => [`${kind} all all 127.0.0.1/32 trust`]
  const started = await Promise.all([
    startTcpPostgres(),
    startTcpPostgres({ tls: await selfSigned('localhost') }),
    startTcpPostgres({ tls: signed }),
    startTcpPostgres({ tls: await signedBy(authority, 'localhost', -1) }),
    startTcpPostgres({ tls: signed, rules: trust('hostssl') }),
    startTcpPostgres({ tls: signed, rules: trust('hostnossl') }),
  ])
  const names = ['plain', 'self-signed', 'signed', 'expired', 'tls only', 'plain only'] as const
  servers = Object.fromEntries(names.map((name, index) => [name, started[index]])) as typeof servers
}, 120_000)

afterAll(async () => {
  await Promise.all(Object.values(servers ?? {}).map((server) => server.stop()))
  await rm(folder, { recursive: true, force: true })
})

interface Try {
  server: keyof typeof servers
  mode?: string
  /** Whether the file of the authority is named. */
  isTrusted?: boolean
  host?: string
}

function urlOf({ server, mode, isTrusted = false, host = 'localhost' }: Try): string {
  // Without a file of its own the home folder of the user would be looked into.
  const certificate = isTrusted ? root : join(folder, 'none.crt')
  const parameters = new URLSearchParams({ ...(mode && { sslmode: mode }), sslrootcert: certificate })
  return servers[server].url({ host, more: `?${parameters}` })
}

/** `plain` or `tls` when it connects; the Failure otherwise. */
async function outcomeOf(given: Try): Promise<'plain' | 'tls' | Failure> {
  const client = await connectDirectly({ url: urlOf(given) }).catch((error: Failure) => error)
  if (client instanceof Error) return client
  const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
  await client.end()
  return rows[0]?.ssl ? 'tls' : 'plain'
}

const psql = await findSystemPostgres()

async function askPsql(url: string): Promise<string> {
  const question = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'
  return promisify(execFile)(join(psql ?? '', 'psql'), ['-XAt', '-d', url, '-c', question]).then(
    ({ stdout }) => (stdout.trim() === 't' ? 'tls' : 'plain'),
    () => 'refused',
  )
}

const noTls = /does not support TLS|does not support SSL/
const notTrusted = /self-signed certificate|unable to verify|unable to get/
const otherName = /does not match certificate|is not in the cert/
const noRoot = /needs trusted certificates/

const table: [
  mode: string | undefined,
  server: ServerName,
  isTrusted: boolean,
  host: string,
  outcome: 'plain' | 'tls' | RegExp,
][] = [
  ['disable', 'plain', false, 'localhost', 'plain'],
  ['disable', 'self-signed', false, 'localhost', 'plain'],
  ['disable', 'signed', true, 'localhost', 'plain'],
  ['allow', 'plain', false, 'localhost', 'plain'],
  ['allow', 'self-signed', false, 'localhost', 'plain'],
  ['allow', 'signed', true, 'localhost', 'plain'],
  [undefined, 'plain', false, 'localhost', 'plain'],
  [undefined, 'self-signed', false, 'localhost', 'tls'],
  ['prefer', 'plain', false, 'localhost', 'plain'],
  ['prefer', 'self-signed', false, 'localhost', 'tls'],
  ['prefer', 'self-signed', true, 'localhost', 'plain'],
  ['prefer', 'signed', true, 'localhost', 'tls'],
  ['prefer', 'signed', true, '127.0.0.1', 'tls'],
  ['require', 'plain', false, 'localhost', noTls],
  ['require', 'self-signed', false, 'localhost', 'tls'],
  ['require', 'self-signed', true, 'localhost', notTrusted],
  ['require', 'signed', false, 'localhost', 'tls'],
  ['require', 'signed', true, '127.0.0.1', 'tls'],
  ['verify-ca', 'plain', true, 'localhost', noTls],
  ['verify-ca', 'plain', false, 'localhost', noRoot],
  ['verify-ca', 'self-signed', true, 'localhost', notTrusted],
  ['verify-ca', 'self-signed', false, 'localhost', noRoot],
  ['verify-ca', 'signed', true, 'localhost', 'tls'],
  ['verify-ca', 'signed', true, '127.0.0.1', 'tls'],
  ['verify-ca', 'signed', false, 'localhost', noRoot],
  ['verify-full', 'plain', true, 'localhost', noTls],
  ['verify-full', 'self-signed', true, 'localhost', notTrusted],
  ['verify-full', 'self-signed', false, 'localhost', noRoot],
  ['verify-full', 'signed', true, 'localhost', 'tls'],
  ['verify-full', 'signed', true, '127.0.0.1', otherName],
  ['verify-full', 'signed', false, 'localhost', noRoot],
]

describe('sslmode means what libpq means by it', () => {
  test('every mode is in the table', () => {
    expect([...new Set(table.map(([mode]) => mode).filter(Boolean))]).toEqual([...tlsModes])
  })

  test.each(table)(
    '%s to a server that is %s, its authority named: %s, by %s',
    async (mode, server, isTrusted, host, outcome) => {
      const found = await outcomeOf({ server, ...(mode && { mode }), isTrusted, host })
      if (typeof outcome === 'string') expect(found).toBe(outcome)
      else {
        expect(found).toMatchObject({ code: 'database_refused' })
        expect((found as Failure).detail['reason']).toMatch(outcome)
        expect((found as Failure).detail['hints']).toHaveLength(1 + Number(outcome === noRoot))
      }
    },
  )

  const untilInstalled = psql === undefined ? test.skip : test
  untilInstalled(
    'psql, where it is installed, does the same in every case of the table',
    async () => {
      const differing: string[] = []
      for (const [mode, server, isTrusted, host, outcome] of table) {
        const url = urlOf({ server, ...(mode && { mode }), isTrusted, host })
        const said = await askPsql(url)
        const expected = typeof outcome === 'string' ? outcome : 'refused'
        if (said !== expected) differing.push(`${url}: ${said} instead of ${expected}`)
      }
      expect(differing).toEqual([])
    },
    60_000,
  )

  test.each([
    ['allow', 'tls only', 'tls'],
    ['prefer', 'tls only', 'tls'],
    ['allow', 'plain only', 'plain'],
    ['prefer', 'plain only', 'plain'],
  ] as const)('%s takes the other way where the rules of the server are %s', async (mode, server, outcome) => {
    expect(await outcomeOf({ server, mode })).toBe(outcome)
    // The pool, and the line that it shares, go the same way.
    const db = openDatabase({ url: urlOf({ server, mode }), poolSize: 2 })
    expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect((await db.lookUp({ text: 'select 1 as one' })).rows).toEqual([{ one: 1 }])
    await db.close()
  })

  test.each([
    ['disable', 'tls only', /no pg_hba\.conf entry.*no encryption/, /sslmode=require/],
    ['require', 'plain only', /no pg_hba\.conf entry/, /pg_hba\.conf/],
  ] as const)(
    '%s has no other way where the rules of the server are %s, and says so',
    async (mode, server, reason, hint) => {
      const { detail } = (await outcomeOf({ server, mode })) as Failure
      expect(detail['reason']).toMatch(reason)
      expect(detail['hints']).toEqual([expect.stringMatching(hint)])
    },
  )

  test('an expired certificate is refused with its remedy', async () => {
    const { detail } = (await outcomeOf({ server: 'expired', mode: 'verify-full', isTrusted: true })) as Failure
    expect(detail['reason']).toMatch(/expired/)
    expect(detail['hints']).toEqual([expect.stringContaining('Renew')])
  })

  test('sslrootcert=system trusts public authorities only, and asks for the right name by itself', async () => {
    const url = servers.signed.url({ host: 'localhost', more: '?sslrootcert=system' })
    const failure = await connectDirectly({ url }).catch((error: Failure) => error)
    expect((failure as Failure).detail['reason']).toMatch(notTrusted)
  })

  test('over a Unix socket there is no TLS, whatever the mode', async () => {
    const [socket] = await servers.plain.sql<{ unix_socket_directories: string }>('show unix_socket_directories')
    const host = encodeURIComponent(socket?.unix_socket_directories ?? '')
    const client = await connectDirectly({
      url: `postgres://claviger@localhost:${servers.plain.port}/postgres?host=${host}&sslmode=require`,
    })
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await client.end()
  })
})
