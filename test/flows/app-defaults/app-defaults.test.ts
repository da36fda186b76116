/** What programs of others find at a client whose administrator said nothing but its preset. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import * as oauth from 'oauth4webapi'
import * as oidc from 'openid-client'
import { eventually } from '../../harness/eventually.ts'
import { type AddedClient, addApi, addClient, addPerson, type ClientWishes, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { relyingParty } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn, signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const orders = 'https://orders.example'
const insecure = { [oauth.allowInsecureRequests]: true }

let provider: Provider
let person: Person

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, orders, ['orders:read'])
  person = await addPerson(provider)
}, 120_000)

afterAll(() => provider?.stop())

const add = (wishes: Partial<ClientWishes> = {}) =>
  addClient(provider, { preset: 'web', firstParty: true, redirectUris: [redirectUri], ...wishes })

const plain = (client: AddedClient, scope = 'openid profile email') =>
  new PlainClient(client, { issuer: provider.issuer, port: () => provider.port, redirectUri, scope })

const nobody = (id: string) => plain({ client_id: id })
const none = { code_challenge: '', code_challenge_method: '' }

/** What the app is sent back with. */
async function arrival(client: AddedClient, parameters: Record<string, string>, scope?: string) {
  const { url } = plain(client, scope).start(parameters)
  const page = await signIn(new UserAgent(provider.issuer), url, person).catch(() => undefined)
  return (page ?? (await new UserAgent(provider.issuer).visit(url))).url.searchParams
}

async function refusal(client: AddedClient, parameters: Record<string, string>, scope?: string) {
  const page = await new UserAgent(provider.issuer).visit(plain(client, scope).start(parameters).url)
  return { ...Object.fromEntries(page.url.searchParams), left: page.left }
}

interface Line {
  event?: string
  clientId?: string
  detail?: unknown
  error?: string
}

const logLines = (client: AddedClient): Line[] =>
  provider
    .log()
    .split('\n')
    .filter((line) => line.includes(client.client_id) && line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)

const logged = (client: AddedClient, event: string) =>
  eventually(() => logLines(client).find((line) => line.event === event))

const explained = (client: AddedClient) =>
  eventually(async () => {
    const { code, stdout } = await provider.command(['clients', 'explain', client.client_id])
    return code === 0 ? stdout : undefined
  })

describe('a code request of a confidential client', () => {
  test('without PKCE and with openid and a nonce is granted: openid-client', async () => {
    const client = await add()
    const party = await relyingParty(provider.issuer, client, { redirectUri })
    const nonce = oidc.randomNonce()
    const url = oidc.buildAuthorizationUrl(party.config, { redirect_uri: redirectUri, scope: 'openid', nonce })
    const arrived = await signIn(new UserAgent(provider.issuer), url, person)
    const tokens = await oidc.authorizationCodeGrant(party.config, arrived.url, { expectedNonce: nonce })
    expect(tokens.claims()?.nonce).toBe(nonce)
  })

  test('with neither is refused, and the remedy is in the answer during development, in the log and in clients explain', async () => {
    const client = await add()
    const remedy = `claviger clients set ${client.client_id} --pkce optional`
    for (const parameters of [none, { ...none, nonce: '' }]) {
      const answer = await refusal(client, parameters)
      expect(answer).toMatchObject({ error: 'invalid_request', error_description: expect.stringContaining(remedy) })
      expect(answer).not.toHaveProperty('code')
    }
    expect(await logged(client, 'request.refused')).toMatchObject({
      detail: { remedy: expect.stringContaining(remedy) },
    })
    expect(await explained(client)).toContain(remedy)
    const pushed = await plain(client).post('/request', Object.fromEntries(plain(client).start(none).url.searchParams))
    expect(pushed).toMatchObject({ status: 400, json: { error: 'invalid_request' } })
  })

  test('with a nonce but without openid is refused: no ID token would carry the nonce', async () => {
    expect(await refusal(await add(), { ...none, nonce: 'n' }, 'profile')).toMatchObject({ error: 'invalid_request' })
  })

  test('that sends a challenge is held to it, whatever else it sends', async () => {
    const client = await add()
    const { url, verifier } = plain(client).start({ nonce: 'n' })
    const arrived = await signIn(new UserAgent(provider.issuer), url, person)
    const code = arrived.url.searchParams.get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
    const wrong: Record<string, string>[] = [{}, { code_verifier: 'w'.repeat(43) }]
    for (const more of wrong) {
      expect((await plain(client).token({ ...form, ...more })).json).toMatchObject({ error: 'invalid_grant' })
    }
    expect((await plain(client).exchange(code, verifier)).status).toBe(200)
  })

  test('cannot be downgraded: a verifier for a code that was asked for without a challenge is refused', async () => {
    const client = await add()
    const code = (await arrival(client, { ...none, nonce: 'n' })).get('code') ?? ''
    expect((await plain(client).exchange(code, 'v'.repeat(43))).json).toMatchObject({ error: 'invalid_grant' })
  })

  test('needs PKCE where --pkce required is set, and neither where --pkce optional is set', async () => {
    const [required, optional] = await Promise.all([
      add({ more: ['--pkce', 'required'] }),
      add({ more: ['--pkce', 'optional'] }),
    ])
    expect(await refusal(required, { ...none, nonce: 'n' })).toMatchObject({ error: 'invalid_request' })
    expect((await arrival(optional, none)).get('code')).toMatch(/\S/)
  })
})

test.each(['spa', 'native'] as const)(
  'a code request of a public client needs PKCE, nonce or not: %s',
  async (preset) => {
    const client = await add({ preset })
    for (const parameters of [none, { ...none, nonce: 'n' }]) {
      expect(await refusal(client, parameters)).toMatchObject({ error: 'invalid_request' })
    }
    const { code, stderr } = await provider.command(['clients', 'set', client.client_id, '--pkce', 'or-nonce'])
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('confidential clients only') })
  },
)

describe('a client with a secret', () => {
  test.each([
    ['HTTP Basic', oidc.ClientSecretBasic],
    ['the form', oidc.ClientSecretPost],
  ])('may send it by %s: openid-client', async (_way, method) => {
    const client = await add()
    const auth = method(client.client_secret ?? '')
    const party = await relyingParty(provider.issuer, client, { redirectUri, auth })
    const tokens = await signInTo(party, new UserAgent(provider.issuer), person)
    expect((await party.refresh(tokens.refresh_token ?? '')).access_token).toMatch(/\S/)
  })

  test('may not send it by both at once', async () => {
    const client = await add()
    const both = { grant_type: 'refresh_token', refresh_token: 'x', client_secret: client.client_secret ?? '' }
    expect((await plain(client).token(both)).json).toMatchObject({ error: 'invalid_request' })
  })

  test('that is pinned to one way is refused by the other: the log says that the secret is right, the answer does not', async () => {
    for (const pinned of ['client_secret_basic', 'client_secret_post'] as const) {
      const client = await add({ more: ['--token-endpoint-auth-method', pinned] })
      const { client_id, client_secret = '' } = client
      const refresh = { grant_type: 'refresh_token', refresh_token: 'x' }
      const send = (secret: string) =>
        pinned === 'client_secret_basic'
          ? nobody(client_id).token({ ...refresh, client_secret: secret })
          : plain({ client_id, client_secret: secret }).token(refresh)
      const [right, wrong] = [await send(client_secret), await send('w'.repeat(43))]
      expect(right.status).toBe(401)
      expect(right.json).toEqual(wrong.json)
      expect(await logged(client, 'request.refused')).toMatchObject({
        detail: {
          reason: expect.stringContaining('the secret is right'),
          remedy: expect.stringContaining(`clients set ${client_id} --token-endpoint-auth-method client_secret`),
        },
      })
      const details = () =>
        logLines(client)
          .filter(({ event }) => event === 'token.refused')
          .map(({ detail }) => detail)
      expect(await eventually(() => (details().length === 2 ? details() : undefined))).toEqual([
        expect.stringContaining('the secret is right'),
        'invalid secret provided',
      ])
      expect(provider.log()).not.toContain(client_secret)
    }
  })

  const secrets = [
    'k7@Rv Q2m+100%/Z9x=T4b&W8n:L1cF6hJ!3p',
    'kR7%25vQ2m Z9x+T4bW8nL1cF-6hJ3pD5sG0yA',
    'kR7+vQ2m+Z9xT+4bW8n+L1cF+6hJ3p+D5sG0yA',
  ]

  test.each(secrets)('may send it by HTTP Basic percent-encoded and as it is: %s', async (secret) => {
    const words = ['clients', 'add', '--preset', 'service', '--name', 'Own secret', '--api', orders, '--secret-stdin']
    const { client_id: id } = await provider.cli<AddedClient>(words, secret)
    const form = new URLSearchParams([['', secret]]).toString().slice(1)
    const headers = [secret, encodeURIComponent(secret), form].map(
      (text) => `Basic ${Buffer.from(`${id}:${text}`).toString('base64')}`,
    )
    for (const authorization of headers) {
      const answer = await plain({ client_id: id, client_secret: secret }).post(
        '/token',
        { grant_type: 'client_credentials' },
        { authorization },
      )
      expect({ authorization, status: answer.status }).toEqual({ authorization, status: 200 })
    }
    for (const wrong of [`${secret}%`, `${secret}x`, encodeURIComponent(`${secret} `)]) {
      const authorization = `Basic ${Buffer.from(`${id}:${wrong}`).toString('base64')}`
      const body = { grant_type: 'client_credentials' }
      expect((await plain({ client_id: id, client_secret: '-' }).post('/token', body, { authorization })).status).toBe(
        401,
      )
    }
  })
})

describe('a public client', () => {
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

  test('may send HTTP Basic with its id and an empty secret, its id in the form as well or not', async () => {
    const client = await add({ preset: 'spa' })
    const named: Record<string, string>[] = [{}, { client_id: client.client_id }]
    for (const more of named) {
      const { url, verifier } = plain(client).start()
      const arrived = await signIn(new UserAgent(provider.issuer), url, person)
      const code = arrived.url.searchParams.get('code') ?? ''
      const form = {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        ...more,
      }
      // A party with a secret adds no client_id of its own.
      const sender = plain({ client_id: client.client_id, client_secret: '' })
      const answer = await sender.post('/token', form, basic(`${client.client_id}:`))
      expect(answer.status).toBe(200)
      const revoked = await sender.post(
        '/token/revocation',
        { token: String(answer.json['refresh_token']), ...more },
        basic(`${client.client_id}:`),
      )
      expect(revoked.status).toBe(200)
    }
  })

  test('may not send a secret, nor two ids; and an empty secret opens no confidential client', async () => {
    const [client, other, web] = await Promise.all([add({ preset: 'spa' }), add({ preset: 'spa' }), add()])
    const form = { grant_type: 'refresh_token', refresh_token: 'x' }
    const sender = plain({ client_id: client.client_id, client_secret: '' })
    expect((await sender.post('/token', form, basic(`${client.client_id}:guessed`))).status).toBe(401)
    const two = await sender.post('/token', { ...form, client_id: other.client_id }, basic(`${client.client_id}:`))
    expect(two).toMatchObject({ status: 400, json: { error: 'invalid_request' } })
    const empty = await sender.post('/token', form, basic(`${web.client_id}:`))
    expect(empty.json['error']).toMatch(/^invalid_(client|request)$/)
  })
})

describe('the ID token', () => {
  const idTokenOf = async (client: AddedClient, scope = 'openid profile email') => {
    const { url, verifier } = plain(client, scope).start()
    const arrived = await signIn(new UserAgent(provider.issuer), url, person)
    const { json } = await plain(client).exchange(arrived.url.searchParams.get('code') ?? '', verifier)
    return { idToken: String(json['id_token']), accessToken: String(json['access_token']) }
  }

  test.each(['web', 'spa', 'native'] as const)(
    'of a %s client has the claims of granted scopes and no others',
    async (preset) => {
      const { idToken } = await idTokenOf(await add({ preset }), 'openid email')
      expect(decodeJwt(idToken)).toMatchObject({ email: person.email, email_verified: false })
      expect(decodeJwt(idToken)).not.toHaveProperty('name')
    },
  )

  test('has none of them where --claims-in-id-token off is set, also for an app with an API', async () => {
    for (const apis of [[], [orders]]) {
      const { idToken } = await idTokenOf(await add({ apis, more: ['--claims-in-id-token', 'off'] }))
      for (const claim of ['name', 'email', 'preferred_username']) expect(decodeJwt(idToken)).not.toHaveProperty(claim)
    }
  })

  test('is signed with RS256, and with what --id-token-alg names; access tokens are signed with ES256', async () => {
    const alg = (token: string) => decodeProtectedHeader(token).alg
    const usual = await idTokenOf(await add({ apis: [orders] }))
    expect([alg(usual.idToken), alg(usual.accessToken)]).toEqual(['RS256', 'ES256'])
    const chosen = await idTokenOf(await add({ apis: [orders], more: ['--id-token-alg', 'ES256'] }))
    expect([alg(chosen.idToken), alg(chosen.accessToken)]).toEqual(['ES256', 'ES256'])
  })

  test('says whether the address is verified, as the administrator said it', async () => {
    const added = await provider.command(['users', 'add', 'grace@example.org'])
    expect(added.stdout + added.stderr).toContain("'claviger users set grace@example.org --email-verified'")
    await provider.cli(['users', 'set', person.email, '--email-verified'])
    const client = await add()
    expect(decodeJwt((await idTokenOf(client)).idToken)['email_verified']).toBe(true)
    await provider.cli(['users', 'set', person.email, '--no-email-verified'])
    expect(decodeJwt((await idTokenOf(client)).idToken)['email_verified']).toBe(false)
  })

  test('says preferred_username: the username, or the address up to the @ where there is none', async () => {
    const client = await add()
    const named = async () => decodeJwt((await idTokenOf(client)).idToken)['preferred_username']
    expect(await named()).toBe(person.email.split('@')[0])
    await provider.cli(['users', 'set', person.email, '--username', 'Ada'])
    expect(await named()).toBe('Ada')
    const other = ['users', 'add', 'other@example.org', '--username', 'aDA']
    expect(await provider.command(other)).toMatchObject({ code: 1, stderr: expect.stringContaining('username') })
    await provider.cli(['users', 'set', person.email, '--username', ''])
    expect(await named()).toBe(person.email.split('@')[0])
  })
})

test('a request without a scope shows no consent and gets invalid_scope', async () => {
  for (const wishes of [
    { preset: 'web' as const },
    { preset: 'native' as const },
    { preset: 'spa' as const, apis: [orders] },
  ]) {
    const guest = await add({ ...wishes, firstParty: false })
    expect(await refusal(guest, { scope: '' })).toMatchObject({ left: true, error: 'invalid_scope' })
  }
})

describe('the grants of a client', () => {
  const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

  test('can be code and client credentials together', async () => {
    const grants = ['authorization_code', 'refresh_token', 'client_credentials'].flatMap((grant) => ['--grant', grant])
    const client = await add({ apis: [orders], more: grants })
    expect((await plain(client).token({ grant_type: 'client_credentials', scope: 'orders:read' })).status).toBe(200)
    const party = await relyingParty(provider.issuer, client, { redirectUri })
    expect((await signInTo(party, new UserAgent(provider.issuer), person)).id_token).toBeDefined()
    const device = await plain(client).post('/device/auth', { scope: 'openid' })
    expect(device.json['error']).toMatch(/unauthorized_client|invalid_request/)
  })

  test('can be code and device code together, of a public client', async () => {
    const grants = ['authorization_code', 'refresh_token', 'device_code'].flatMap((grant) => ['--grant', grant])
    const client = await add({ preset: 'native', more: grants })
    expect((await plain(client).post('/device/auth', { scope: 'openid' })).json).toHaveProperty('device_code')
    expect((await arrival(client, {})).get('code')).toMatch(/\S/)
  })

  test('can be a device code with a secret, which is then needed at every step', async () => {
    const more = ['--token-endpoint-auth-method', 'client_secret']
    const client = await addClient(provider, { preset: 'device', more })
    expect(client.client_secret).toMatch(/\S/)
    expect((await nobody(client.client_id).post('/device/auth', { scope: 'openid' })).status).toBe(401)
    const begun = await plain(client).post('/device/auth', { scope: 'openid' })
    const poll = { grant_type: deviceGrant, device_code: String(begun.json['device_code']) }
    expect((await nobody(client.client_id).token(poll)).status).toBe(401)
    expect((await plain(client).token(poll)).json).toEqual(expect.objectContaining({ error: 'authorization_pending' }))
  })

  test('can be taken away later: without refresh_token there is no refresh token', async () => {
    const client = await add()
    await provider.cli(['clients', 'set', client.client_id, '--grant', 'authorization_code'])
    const party = await relyingParty(provider.issuer, client, { redirectUri })
    const tokens = await eventually(async () => {
      const given = await signInTo(party, new UserAgent(provider.issuer), person)
      return given.refresh_token === undefined ? given : undefined
    })
    expect(tokens?.id_token).toBeDefined()
  })
})

describe('--profile strict', () => {
  const strict = {
    profile: 'strict',
    pkce: 'required',
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_alg: 'ES256',
    claims_in_id_token: false,
  }

  test('on a client, at once or later, sets PKCE required, one authentication method, ES256 and no claims in the ID token', async () => {
    expect(await add({ more: ['--profile', 'strict'] })).toMatchObject(strict)
    const { client_id } = await add()
    expect(await provider.cli(['clients', 'set', client_id, '--profile', 'strict'])).toMatchObject(strict)
  })

  test('accepts no weaker setting until the client leaves it', async () => {
    const { client_id } = await add({ more: ['--profile', 'strict'] })
    for (const weaker of [
      ['--pkce', 'or-nonce'],
      ['--token-endpoint-auth-method', 'client_secret'],
      ['--id-token-alg', 'RS256'],
      ['--claims-in-id-token', 'on'],
    ]) {
      const { code, stderr } = await provider.command(['clients', 'set', client_id, ...weaker])
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('--profile standard') })
    }
    const left = ['clients', 'set', client_id, '--profile', 'standard', '--pkce', 'or-nonce']
    expect(await provider.cli(left)).toMatchObject({ profile: 'standard', pkce: 'or-nonce' })
  })

  test('as the deployment’s default counts for every client that is added without a profile', async () => {
    const words = ['clients', 'add', '--preset', 'web', '--name', 'Ours', '--redirect-uri', redirectUri, '--json']
    const { command } = await import('../../harness/cli.ts')
    const { stdout } = await command(words, { ...provider.env, CLAVIGER_CLIENT_PROFILE: 'strict' })
    expect(JSON.parse(stdout)).toMatchObject(strict)
  })
})

test('clients add prints the addresses of the discovery document, the scopes, the redirect URI and three remedies', async () => {
  const discovery = (await (await fetch(provider.url('/.well-known/openid-configuration'))).json()) as Record<
    string,
    unknown
  >
  for (const preset of ['web', 'spa', 'native', 'device', 'service'] as const) {
    const sendsBack = preset === 'device' || preset === 'service' ? { redirectUris: [] } : {}
    const { settings } = (await add({ preset, firstParty: false, ...sendsBack })) as unknown as {
      settings: Record<string, unknown>
    }
    for (const [name, value] of Object.entries(settings)) {
      if (name.endsWith('_endpoint') || name === 'jwks_uri' || name === 'issuer') expect(value).toBe(discovery[name])
    }
    expect(settings['discovery']).toBe(provider.url('/.well-known/openid-configuration'))
  }
  const words = ['clients', 'add', '--preset', 'web', '--name', 'Wiki', '--id', 'wiki', '--redirect-uri', redirectUri]
  const { stdout } = await provider.command(words)
  for (const endpoint of ['authorization', 'token', 'userinfo', 'end_session']) {
    expect(stdout).toContain(String(discovery[`${endpoint}_endpoint`]))
  }
  for (const text of [
    'openid profile email',
    redirectUri,
    '--add-redirect-uri',
    '--pkce optional',
    '--id-token-alg ES256',
  ]) {
    expect(stdout).toContain(text)
  }
})

test('oauth4webapi signs in without PKCE, by a nonce, and sends the secret in the form', async () => {
  const client = await add()
  const issuer = new URL(provider.issuer)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const nonce = oauth.generateRandomNonce()
  const { url } = plain(client).start({ ...none, nonce, state: 's' })
  const arrived = await signIn(new UserAgent(provider.issuer), url, person)
  const id = { client_id: client.client_id }
  const answer = oauth.validateAuthResponse(server, id, arrived.url, 's')
  const auth = oauth.ClientSecretPost(client.client_secret ?? '')
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    id,
    auth,
    answer,
    redirectUri,
    oauth.nopkce,
    insecure,
  )
  const tokens = await oauth.processAuthorizationCodeResponse(server, id, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  expect(oauth.getValidatedIdTokenClaims(tokens)?.['email']).toBe(person.email)
})
