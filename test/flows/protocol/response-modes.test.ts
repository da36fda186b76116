/** By which ways an authorization response may travel to which kind of app. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type AddedClient, addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
type Preset = 'web' | 'spa' | 'native'

let provider: Provider
let person: Person
const clients = {} as Record<Preset, AddedClient>

beforeAll(async () => {
  provider = await startProvider()
  person = await addPerson(provider)
  for (const preset of ['web', 'spa', 'native'] as const) {
    clients[preset] = await addClient(provider, { preset, firstParty: true, redirectUris: [redirectUri] })
  }
}, 120_000)

afterAll(() => provider?.stop())

const app = (preset: Preset) =>
  new PlainClient(clients[preset], { issuer: provider.issuer, port: () => provider.port, redirectUri })

/** What arrived at the app, by which way. */
function arrival({ left, url, document }: VisitedPage): { way: string; given: URLSearchParams } {
  if (!left) {
    const inputs = [...document.querySelectorAll('form[action] input[type="hidden"]')]
    const fields = inputs.map((input): [string, string] => [
      input.getAttribute('name') ?? '',
      input.getAttribute('value') ?? '',
    ])
    return { way: 'form_post', given: new URLSearchParams(fields) }
  }
  return url.hash
    ? { way: 'fragment', given: new URLSearchParams(url.hash.slice(1)) }
    : { way: 'query', given: url.searchParams }
}

const allowed: [Preset, string][] = [
  ['web', 'query'],
  ['web', 'form_post'],
  ['spa', 'query'],
  ['spa', 'fragment'],
  ['native', 'query'],
]
const refused: [Preset, string][] = [
  ['web', 'fragment'],
  ['spa', 'form_post'],
  ['native', 'fragment'],
  ['native', 'form_post'],
]

describe('response_mode', () => {
  test.each(allowed)('of a %s client may be %s: the code arrives by it', async (preset, mode) => {
    const { url } = app(preset).start({ response_mode: mode })
    const page = await signIn(new UserAgent(provider.issuer), url, person)
    const { way, given } = arrival(page)
    expect(way).toBe(mode)
    expect(given.get('code')).toMatch(/\S/)
  })

  test.each(refused)('of a %s client may not be %s: the refusal arrives by the query', async (preset, mode) => {
    const page = await new UserAgent(provider.issuer).visit(app(preset).start({ response_mode: mode }).url)
    const { way, given } = arrival(page)
    expect(way).toBe('query')
    expect(given.get('error')).toBe('invalid_request')
    expect(given.get('error_description')).toContain('response_mode')
    expect(given.has('code')).toBe(false)
  })

  test('that is not allowed carries no other error either', async () => {
    const wrong: Record<string, string>[] = [
      { request: 'eyJhbGciOiJub25lIn0.e30.' },
      { response_type: 'id_token', nonce: 'n' },
      { prompt: 'none login' },
    ]
    for (const parameters of wrong) {
      const { url } = app('web').start({ response_mode: 'fragment', ...parameters })
      const { way, given } = arrival(await new UserAgent(provider.issuer).visit(url))
      expect({ way, error: given.get('error') }).toEqual({ way: 'query', error: expect.stringMatching(/\S/) })
    }
    const twice = app('web').start({ response_mode: 'fragment' }).url
    twice.searchParams.append('nonce', 'a')
    twice.searchParams.append('nonce', 'b')
    expect(arrival(await new UserAgent(provider.issuer).visit(twice)).way).toBe('query')
  })

  test.each(refused)('of a %s client may not be %s in a pushed request either', async (preset, mode) => {
    const { url } = app(preset).start({ response_mode: mode })
    const { status, json } = await app(preset).post('/request', Object.fromEntries(url.searchParams))
    expect({ status, error: json['error'] }).toEqual({ status: 400, error: 'invalid_request' })
  })
})
