/** Global Token Revocation (draft-parecki-oauth-global-token-revocation): a security tool ends everything of a person. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { eventually } from '../../harness/eventually.ts'
import { type AddedClient, addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { basic } from '../../harness/plain-client.ts'
import { type RelyingParty, relyingParty } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { tokenFor } from './receiver.ts'

// Commands are processes of their own, and a small machine runs several tests at once.
jest.setTimeout(120_000)

let provider: Provider
let app: AddedClient
let party: RelyingParty
let tool: AddedClient
let token: string
let discovery: Record<string, unknown>

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, 'https://api.example')
  app = await addClient(provider, {
    preset: 'web',
    redirectUris: ['https://app.example/callback'],
    apis: ['https://api.example'],
    firstParty: true,
  })
  tool = await addClient(provider, { preset: 'service', more: ['--right', 'global-token-revocation'] })
  token = await tokenFor(provider, tool, 'global_token_revocation')
  party = await relyingParty(provider.issuer, app, { scope: 'openid offline_access' })
  discovery = (await (await fetch(provider.url('/.well-known/openid-configuration'))).json()) as Record<string, unknown>
})
afterAll(() => provider?.stop())

const post = (body: unknown, headers: Record<string, string> = {}) =>
  fetch(String(discovery['global_token_revocation_endpoint']), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const idOf = async ({ email }: Person) => (await provider.cli<{ id: string }>(['users', 'show', email])).id
const introspect = async (value: string) => {
  const answer = await fetch(String(discovery['introspection_endpoint']), {
    method: 'POST',
    headers: { authorization: basic(app.client_id, app.client_secret ?? '') },
    body: new URLSearchParams({ token: value }),
  })
  return (await answer.json()) as { active: boolean }
}

test('the metadata names the endpoint, and how to come to it', () => {
  expect(discovery).toMatchObject({
    global_token_revocation_endpoint: `${provider.issuer}/global-token-revocation`,
    global_token_revocation_endpoint_auth_methods_supported: ['Bearer'],
  })
})

describe('a person who is named', () => {
  test.each([
    ['by email', async ({ email }: Person) => ({ format: 'email', email: email.toUpperCase() })],
    [
      'by issuer and subject',
      async (person: Person) => ({ format: 'iss_sub', iss: provider.issuer, sub: await idOf(person) }),
    ],
    ['by an opaque id', async (person: Person) => ({ format: 'opaque', id: await idOf(person) })],
  ])('%s loses sessions, grants, refresh tokens and access tokens, and may sign in again', async (_how, named) => {
    const person = await addPerson(provider)
    const browser = new UserAgent(provider.issuer)
    const { access_token: access, refresh_token: refresh = '' } = await signInTo(party, browser, person)
    const bystander = await addPerson(provider)
    const others = await signInTo(party, new UserAgent(provider.issuer), bystander)
    const subject = await named(person)
    const answer = await post({ sub_id: subject })
    expect([answer.status, await answer.text(), answer.headers.get('cache-control')]).toEqual([204, '', 'no-store'])
    expect(await introspect(access)).toEqual({ active: false })
    await expect(party.refresh(refresh)).rejects.toMatchObject({ error: 'invalid_grant' })
    expect(await provider.cli(['sessions', 'list', '--user', person.email])).toEqual([])
    expect((await introspect(others.access_token)).active).toBe(true)
    // Again is as good as once.
    expect((await post({ sub_id: subject })).status).toBe(204)
    const fresh = await signInTo(party, browser, person)
    expect((await introspect(fresh.access_token)).active).toBe(true)
  })

  test('is found in the audit log, with the tool that did it', async () => {
    const person = await addPerson(provider)
    await post({ sub_id: { format: 'email', email: person.email } })
    const entry = await eventually(async () => {
      const entries = await provider.cli<{ kind: string; actor: string; account_id: string }[]>(['events', 'list'])
      const id = await idOf(person)
      return entries.find(({ kind, account_id }) => kind === 'account.signed-out' && account_id === id)
    })
    expect(entry).toMatchObject({ actor: `client:${tool.client_id}`, detail: { by: 'global token revocation' } })
  })
})

describe('refused', () => {
  test.each([
    ['nobody of that name', { sub_id: { format: 'email', email: 'nobody@example.org' } }, 404],
    ['somebody of another issuer', { sub_id: { format: 'iss_sub', iss: 'https://other.example', sub: 'x' } }, 404],
    ['an id that does not exist', { sub_id: { format: 'opaque', id: 'acc_\u0000' } }, 404],
    ['a format that is not known', { sub_id: { format: 'phone_number', phone_number: '+1' } }, 400],
    ['a subject without a format', { sub_id: { email: 'x@example.org' } }, 400],
    ['a subject that is text', { sub_id: 'x' }, 400],
    ['a subject of numbers', { sub_id: { format: 'opaque', id: 7 } }, 400],
    ['no subject', {}, 400],
    ['a list', [], 400],
    ['null', 'null', 400],
    ['broken JSON', '{', 400],
    ['what is too large', `{"sub_id":"${'x'.repeat(60_000)}"}`, 413],
  ])('%s', async (_what, body, status) => {
    const answer = await post(body)
    expect(answer.status).toBe(status)
    expect(((await answer.json()) as { error_description: string }).error_description).toMatch(/\w.*\.$/)
  })

  test('a form', async () => {
    expect((await post('sub_id=x', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415)
  })

  test('a caller without a token for it is refused alike for a known and an unknown person', async () => {
    const person = await addPerson(provider)
    const siem = await addClient(provider, { preset: 'service', more: ['--right', 'shared-signals'] })
    const foreign = await tokenFor(provider, siem, 'ssf.manage')
    await expect(tokenFor(provider, siem, 'global_token_revocation')).rejects.toThrow('400 invalid_scope')
    for (const email of [person.email, 'nobody@example.org']) {
      for (const authorization of [
        '',
        'Bearer nonsense',
        `Bearer ${foreign}`,
        basic(tool.client_id, tool.client_secret ?? ''),
      ]) {
        const answer = await post({ sub_id: { format: 'email', email } }, { authorization })
        expect(answer.status).toBe(401)
      }
    }
  })

  test.each(['GET', 'PUT', 'DELETE'])('%s', async (method) => {
    const answer = await fetch(String(discovery['global_token_revocation_endpoint']), { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
  })
})
