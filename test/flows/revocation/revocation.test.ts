import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { type AddedClient, addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

let provider: Provider
let person: Person
let app: AddedClient
let party: RelyingParty
let endpoints: Record<string, string>
const audience = 'https://api.example'

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, audience, ['orders:read'])
  person = await addPerson(provider)
  app = await addClient(provider, {
    preset: 'web',
    redirectUris: ['https://app.example/callback'],
    apis: [audience],
    firstParty: true,
  })
  party = await relyingParty(provider.issuer, app, { scope: 'openid orders:read' })
  endpoints = (await (await fetch(provider.url('/.well-known/openid-configuration'))).json()) as typeof endpoints
})
afterAll(() => provider.stop())

const tokensOf = (): Promise<Tokens> => signInTo(party, new UserAgent(provider.issuer), person)

const basic = ({ client_id, client_secret = '' }: AddedClient) =>
  `Basic ${Buffer.from(`${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`).toString('base64')}`

const post = (url: string | undefined, client: AddedClient, form: Record<string, string>, headers = {}) =>
  fetch(url ?? '', {
    method: 'POST',
    headers: { authorization: basic(client), ...headers },
    body: new URLSearchParams(form),
  })

const revoke = (client: AddedClient, token: string) => post(endpoints['revocation_endpoint'], client, { token })
const introspect = async (client: AddedClient, token: string) =>
  (await (await post(endpoints['introspection_endpoint'], client, { token })).json()) as Record<string, unknown>

describe('an access token for an API', () => {
  test('is told of by introspection to the app that it was issued to', async () => {
    const { access_token: token } = await tokensOf()
    const claims = decodeJwt(token)
    expect(await introspect(app, token)).toMatchObject({
      active: true,
      sub: claims.sub,
      aud: audience,
      client_id: app.client_id,
      jti: claims.jti,
      sid: claims['sid'],
      grant_id: claims['grant_id'],
      scope: 'orders:read',
      token_type: 'Bearer',
    })
  })

  test('is void at once when its app revokes it, and the refresh token goes on', async () => {
    const { access_token: token, refresh_token: refreshToken } = await tokensOf()
    expect((await revoke(app, token)).status).toBe(200)
    expect(await introspect(app, token)).toEqual({ active: false })
    const fresh = await party.refresh(refreshToken ?? '')
    expect(await introspect(app, fresh.access_token)).toMatchObject({ active: true })
  })
})
