/** A single-page app reads every answer of ours in a real browser; one that is not registered is explained. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { type CallbackServer, startCallback } from '../../harness/callback.ts'
import { type Chromium, openChromium } from '../../harness/chromium.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { askDatabase } from '../../harness/later.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { openTcpDoor, type TcpDoor } from '../../harness/tcp-door.ts'
import { UserAgent } from '../../harness/user-agent.ts'

interface Read {
  status: number
  body: string
  headers: Record<string, string>
}

interface Call {
  path: string
  form?: Record<string, string>
  bearer?: string
}

let database: TestDatabase
let door: TcpDoor
let provider: Provider
let chromium: Chromium
let home: CallbackServer
let stranger: CallbackServer
let person: Person
let clientId: string
let app: RelyingParty
let tokens: Tokens
let ours: Page
let theirs: Page

beforeAll(async () => {
  database = await freshDatabase()
  door = await openTcpDoor(database.url)
  ;[provider, chromium, home, stranger] = await Promise.all([
    startProvider({ database: { url: door.url } }),
    openChromium(),
    startCallback(),
    startCallback(),
  ])
  const { redirectUri } = home
  const [added, client] = await Promise.all([
    addPerson(provider),
    addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] }),
  ])
  person = added
  clientId = client.client_id
  app = await relyingParty(provider.issuer, client, { redirectUri })
  tokens = await signInTo(app, new UserAgent(provider.issuer), person)
  const browser = await chromium.person()
  ours = await browser.newPage()
  await ours.goto(redirectUri)
  theirs = await browser.newPage()
  await theirs.goto(stranger.redirectUri)
}, 60_000)

afterAll(async () => {
  await chromium?.close()
  await home?.stop()
  await stranger?.stop()
  await provider?.stop()
  await door?.close()
  await database?.drop()
})

/** What a script of that page can read; undefined when the browser withholds the answer. */
function read(page: Page, { path, form, bearer }: Call): Promise<Read | undefined> {
  return page.evaluate(
    async ([url, sent, token]) => {
      const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
      const init = sent ? { method: 'POST', body: new URLSearchParams(sent), headers } : { headers }
      try {
        const response = await fetch(url, init)
        return { status: response.status, body: await response.text(), headers: Object.fromEntries(response.headers) }
      } catch {
        return undefined
      }
    },
    [provider.url(path), form, bearer] as const,
  )
}

const refresh = (): Call => ({
  path: '/token',
  form: { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '', client_id: clientId },
})
const wrongCode = (): Call => ({
  path: '/token',
  form: {
    grant_type: 'authorization_code',
    code: 'nothing',
    redirect_uri: home.redirectUri,
    client_id: clientId,
    code_verifier: 'v'.repeat(43),
  },
})
const userinfo = (bearer = tokens.access_token): Call => ({ path: '/me', bearer })

describe('a registered origin reads the answer', () => {
  const documents: [string, string][] = [
    ['discovery', '/.well-known/openid-configuration'],
    ['the authorization server’s metadata', '/.well-known/oauth-authorization-server'],
    ['the key set', '/jwks'],
  ]

  test.each(documents)('when all is well: %s', async (_name, path) => {
    const answer = await read(ours, { path })
    expect(answer?.status).toBe(200)
    expect(JSON.parse(answer?.body ?? '')).toBeInstanceOf(Object)
  })

  test('when all is well: token, userinfo, revocation', async () => {
    const renewed = await read(ours, refresh())
    expect(renewed?.status).toBe(200)
    const { access_token, refresh_token } = JSON.parse(renewed?.body ?? '{}') as Tokens
    expect((await read(ours, userinfo(access_token)))?.status).toBe(200)
    const form = { token: refresh_token ?? '', client_id: clientId }
    expect((await read(ours, { path: '/token/revocation', form }))?.status).toBe(200)
    tokens = await signInTo(app, new UserAgent(provider.issuer), person)
  })

  test('of 400: a code that is not known, a request that makes no sense, a revocation of nothing', async () => {
    const answer = await read(ours, wrongCode())
    expect(answer).toMatchObject({ status: 400 })
    expect(JSON.parse(answer?.body ?? '{}')).toMatchObject({ error: 'invalid_grant' })
    expect(await read(ours, { path: '/token', form: { client_id: clientId } })).toMatchObject({ status: 400 })
    expect(await read(ours, { path: '/token/revocation', form: { client_id: clientId } })).toMatchObject({
      status: 400,
    })
  })

  test('of 401: a client that is not known, a token that is over, with the reason in WWW-Authenticate', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'nobody' }
    expect(await read(ours, { path: '/token', form })).toMatchObject({ status: 401 })
    expect(await read(ours, { path: '/me' })).toMatchObject({ status: 401 })
    const answer = await read(ours, userinfo('over'))
    expect(answer?.status).toBe(401)
    expect(answer?.headers['www-authenticate']).toContain('invalid_token')
  })

  test('of 500: a fault of ours', async () => {
    await askDatabase(database.url, 'alter table artifacts rename to artifacts_away')
    try {
      for (const call of [refresh(), userinfo()]) {
        const answer = await read(ours, call)
        expect(answer?.status).toBe(500)
        expect(JSON.parse(answer?.body ?? '{}')).toMatchObject({ error: 'server_error' })
      }
    } finally {
      await askDatabase(database.url, 'alter table artifacts_away rename to artifacts')
    }
  })

  test('of 503: the database is away, and Retry-After says when to come back', async () => {
    const { port } = new URL(door.url)
    await door.close()
    try {
      for (const call of [
        refresh(),
        userinfo(),
        { ...refresh(), path: '/token/revocation', form: { token: 'x', client_id: clientId } },
      ]) {
        const answer = await eventually(async () => {
          const seen = await read(ours, call)
          return seen?.status === 503 ? seen : undefined
        })
        expect(answer?.status).toBe(503)
        expect(answer?.headers['retry-after']).toMatch(/^\d+$/)
        expect(JSON.parse(answer?.body ?? '{}')).toMatchObject({ error: 'temporarily_unavailable' })
      }
      for (const [, path] of documents) expect((await read(ours, { path }))?.status).toBe(200)
    } finally {
      door = await openTcpDoor(database.url, Number(port))
    }
    const back = await eventually(async () => ((await read(ours, refresh()))?.status === 200 ? true : undefined))
    expect(back).toBe(true)
  })
})

describe('an origin that is not registered', () => {
  interface AuditEntry {
    client_id: string
    detail: { origin: string; closest: string; difference: string }
  }

  test('reads the public documents and nothing else', async () => {
    for (const path of ['/.well-known/openid-configuration', '/jwks']) {
      expect((await read(theirs, { path }))?.status).toBe(200)
    }
    for (const call of [refresh(), wrongCode(), userinfo()]) expect(await read(theirs, call)).toBeUndefined()
  })

  test('is logged with client and origin, and `clients check --origin` explains it', async () => {
    const origin = new URL(stranger.redirectUri).origin
    await read(theirs, wrongCode())
    const entry = await eventually(
      async () => {
        const entries = await provider.cli<AuditEntry[]>(['events', 'list', '--kind', 'origin.refused'])
        return entries.find(({ client_id }) => client_id === clientId)
      },
      { tries: 5 },
    )
    expect(entry?.detail).toMatchObject({ origin, closest: new URL(home.redirectUri).origin })
    expect(provider.log()).toMatch(new RegExp(`"event":"origin.refused".*"clientId":"${clientId}"`))

    const refused = await provider.command(['clients', 'check', clientId, '--origin', origin])
    expect(refused.code).toBe(1)
    expect(refused.stdout).toContain(`refused origin ${origin}`)
    expect(refused.stdout).toMatch(/port/)
    const accepted = await provider.command([
      'clients',
      'check',
      clientId,
      '--origin',
      new URL(home.redirectUri).origin,
    ])
    expect(accepted).toMatchObject({ code: 0 })
  })

  test('reads answers as soon as it is registered, with no restart', async () => {
    const { origin } = new URL(stranger.redirectUri)
    await provider.cli(['clients', 'set', clientId, '--origin', origin])
    const answer = await eventually(() => read(theirs, wrongCode()))
    expect(answer?.status).toBe(400)
  })
})
