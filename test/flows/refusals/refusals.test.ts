/** What people see when an app asks for something wrong, and what its administrator can find out. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../harness/eventually.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'

interface Explained {
  kind: string
  client_id: string
  request_id: string
  detail: { received: string; closest: string; difference: string }
}

interface LogLine {
  event?: string
  requestId?: string
  error?: string
  detail?: string
  clientId?: string
}

let provider: Provider
let person: Person
let app: PlainClient

beforeAll(async () => {
  provider = await startProvider()
  const [added, client] = await Promise.all([
    addPerson(provider),
    addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri, 'https://other.example/cb'] }),
  ])
  person = added
  app = new PlainClient(client, { issuer: provider.issuer, port: () => provider.port, redirectUri })
})

afterAll(() => provider?.stop())

const visit = (parameters: Record<string, string>): Promise<VisitedPage> =>
  new UserAgent(provider.issuer).visit(app.start(parameters).url)

const requestIdOn = ({ document, headers }: VisitedPage): string => {
  const shown = document.querySelector('#request-id')?.textContent.trim() ?? ''
  expect(shown).toMatch(/^[\w-]{8,}$/)
  expect(headers['x-request-id']).toBe(shown)
  return shown
}

/** The line about a request; the log is written a moment after the answer. */
const logged = (requestId: string, event: string): Promise<LogLine | undefined> =>
  eventually(() =>
    provider
      .log()
      .split('\n')
      .filter((line) => line.includes(requestId) && line.includes(event))
      .map((line) => JSON.parse(line) as LogLine)
      .find((line) => line.event === event),
  )

describe('a redirect URI that is not registered', () => {
  const differing: [string, string, RegExp][] = [
    ['a slash at the end', `${redirectUri}/`, /slash|path/i],
    ['another scheme', 'http://app.example/callback', /scheme|http/i],
    ['another host', 'https://app.example.evil.example/callback', /host/i],
    ['another port', 'https://app.example:8443/callback', /port/i],
    ['a query', `${redirectUri}?x=1`, /query/i],
    ['capitals', 'https://app.example/Callback', /path|capital|case/i],
  ]

  test.each(differing)(
    'shows a request id and nothing else of it; the administrator learns what differs: %s',
    async (_name, wrong, difference) => {
      const page = await visit({ redirect_uri: wrong })
      expect(page).toMatchObject({ status: 400, heading: 'This request cannot be completed', left: false })
      expect(page.text).not.toContain(wrong)
      expect(page.text).not.toContain(redirectUri)
      const requestId = requestIdOn(page)
      expect(await logged(requestId, 'redirect-uri.refused')).toMatchObject({
        clientId: app.id,
        detail: { received: wrong, closest: redirectUri, difference: expect.stringMatching(difference) },
      })
    },
  )

  test('`clients explain` tells what came, the closest that is registered, and the difference', async () => {
    const wrong = `${redirectUri}/`
    const requestId = requestIdOn(await visit({ redirect_uri: wrong }))
    const entries = await eventually(async () => {
      const { code, stdout } = await provider.command(['clients', 'explain', requestId, '--json'])
      return code === 0 ? (JSON.parse(stdout) as Explained[]) : undefined
    })
    expect(entries).toHaveLength(1)
    expect(entries?.[0]).toMatchObject({
      kind: 'redirect-uri.refused',
      client_id: app.id,
      request_id: requestId,
      detail: { received: wrong, closest: redirectUri, difference: expect.stringMatching(/\S+/) },
    })
    const { stdout } = await provider.command(['clients', 'explain', requestId])
    for (const text of [wrong, redirectUri, entries?.[0]?.detail.difference ?? '?']) expect(stdout).toContain(text)
  })

  test('a request id that nobody was shown is not explained, and the command fails', async () => {
    expect(await provider.command(['clients', 'explain', 'never-was'])).toMatchObject({ code: 1 })
  })
})

describe('every page of an error carries a request id that the log knows', () => {
  const wrong: [string, Record<string, string>, string][] = [
    ['a client that is not known', { client_id: 'nobody' }, 'authorization.refused'],
    ['no redirect URI', { redirect_uri: '' }, 'authorization.refused'],
  ]

  test.each(wrong)('%s', async (_name, parameters, event) => {
    const page = await visit(parameters)
    expect(page.status).toBe(400)
    const line = await logged(requestIdOn(page), event)
    expect(line?.error).toMatch(/\S/)
  })
})

describe('what is wrong with the request itself goes back to the app', () => {
  const errors: [string, Record<string, string>, string][] = [
    ['PKCE is missing', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
    ['PKCE is plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['PKCE names no method, which would mean plain', { code_challenge_method: '' }, 'invalid_request'],
    ['the implicit flow', { response_type: 'id_token', nonce: 'n' }, 'unsupported_response_type'],
    ['a hybrid flow', { response_type: 'code id_token', nonce: 'n' }, 'unsupported_response_type'],
    ['a request object by value', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['an API that the app is not registered for', { resource: 'https://other.example' }, 'invalid_target'],
  ]

  test.each(errors)('%s', async (_name, parameters, error) => {
    const { left, url } = await visit(parameters)
    expect(left).toBe(true)
    expect(`${url.origin}${url.pathname}`).toBe(redirectUri)
    const given = new URLSearchParams(url.search || url.hash.slice(1))
    expect(given.get('error')).toBe(error)
    expect(given.get('iss')).toBe(provider.issuer)
    expect(given.has('code')).toBe(false)
  })
})

describe('the token endpoint', () => {
  const code = async () => {
    const started = app.start()
    const { url } = await signIn(new UserAgent(provider.issuer), started.url, person)
    return { verifier: started.verifier, code: url.searchParams.get('code') ?? '' }
  }

  test('tells the app no more than the standard does, and the log the detail with the request id', async () => {
    const { code: good } = await code()
    const answer = await app.exchange(good, 'w'.repeat(43))
    expect(answer.json).toEqual({ error: 'invalid_grant', error_description: 'grant request is invalid' })
    const line = await logged(String(answer.headers['x-request-id']), 'token.refused')
    expect(line).toMatchObject({
      error: 'invalid_grant',
      clientId: app.id,
      detail: expect.stringMatching(/code_verifier/),
    })
  })

  test('does not let a downgrade pass: a code that was asked for with PKCE needs its verifier', async () => {
    const { code: good } = await code()
    const { json } = await app.token({ grant_type: 'authorization_code', code: good, redirect_uri: redirectUri })
    expect(json).toMatchObject({ error: 'invalid_grant' })
  })

  test('knows no password grant and no implicit one', async () => {
    const { json, status } = await app.token({
      grant_type: 'password',
      username: person.email,
      password: person.password,
    })
    expect({ status, error: json['error'] }).toEqual({ status: 400, error: 'unsupported_grant_type' })
  })
})
