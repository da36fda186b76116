import { describe, expect, test } from '@jest/globals'
import { digestOfSecret } from '../../src/clients/client-secret.ts'
import { type ClientChanges, type ClientInput, changedClient, newClient } from '../../src/clients/new-client.ts'
import { Failure } from '../../src/errors/failure.ts'
import { examples, faultsOf, ownSecret } from './clients.ts'

describe('each preset needs a name and, with redirects, one redirect URI; other settings have safe defaults', () => {
  test.each([
    ['spa', 'none', 'required', 'RS256', true],
    ['web', 'client_secret', 'or-nonce', 'RS256', true],
    ['native', 'none', 'required', 'RS256', true],
    ['service', 'client_secret', 'required', 'ES256', false],
    ['device', 'none', 'required', 'RS256', false],
  ] as const)(
    'a %s client authenticates by %s, has PKCE %s, signs ID tokens with %s, with claims: %s, and asks for consent',
    (preset, method, pkce, idTokenAlg, claimsInIdToken) => {
      const client = newClient(examples[preset])
      expect(client).toMatchObject({
        preset,
        tokenEndpointAuthMethod: method,
        pkce,
        idTokenAlg,
        profile: 'standard',
        firstParty: false,
        claimsInIdToken,
        dpopBound: false,
        requirePar: false,
        apis: [],
        secretDigest: undefined,
      })
    },
  )

  test('the id is derived from the name unless one is given', () => {
    expect(newClient(examples.spa).id).toMatch(/^orders-[0-9a-f]{12}$/)
    expect(newClient({ ...examples.spa, name: '東京' }).id).toMatch(/^spa-[0-9a-f]{12}$/)
    expect(newClient({ ...examples.spa, id: 'orders.v2' }).id).toBe('orders.v2')
  })

  test('the first API named stays first, as the default one', () => {
    expect(newClient({ ...examples.spa, apis: ['https://b.example', 'https://a.example'] }).apis).toEqual([
      'https://b.example',
      'https://a.example',
    ])
  })

  test('a supplied secret is stored as its digest only', () => {
    const client = newClient({ ...examples.web, secret: ownSecret })
    expect(client.secretDigest).toEqual(digestOfSecret(ownSecret))
    expect(JSON.stringify(client)).not.toContain(ownSecret)
  })
})

const refusals: [string, object, RegExp][] = [
  [
    'an unknown preset is answered with the list of presets',
    { ...examples.spa, preset: 'mobile' },
    /"mobile".*spa, web, native, service, device/,
  ],
  ['a name is needed', { ...examples.spa, name: ' ' }, /^Name: give the name/],
  ['a name has at most 200 characters', { ...examples.spa, name: 'x'.repeat(201) }, /longer than 200/],
  ['a name has no control characters', { ...examples.spa, name: 'a\u001b[31m' }, /\\u001b.*control/],
  ['a name has no direction marks', { ...examples.spa, name: 'a\u202eb' }, /control or direction/],
  ['an id has no blanks', { ...examples.spa, id: 'my app' }, /^Client id "my app": use 1 to 128/],
  ['an id has at most 128 characters', { ...examples.spa, id: 'x'.repeat(129) }, /1 to 128/],
  ['an SPA needs a redirect URI', { ...examples.spa, redirectUris: [] }, /needs at least one/],
  ['a service has no redirect URI', { ...examples.service, redirectUris: ['https://a.example/'] }, /uses no redirects/],
  [
    'a device has no redirect URI',
    { ...examples.device, postLogoutRedirectUris: ['https://a.example/'] },
    /uses no redirects/,
  ],
  [
    'a redirect URI stands once',
    { ...examples.spa, redirectUris: ['https://a.example/', 'https://a.example/'] },
    /listed twice/,
  ],
  ['redirect URIs are a list', { ...examples.spa, redirectUris: 'https://a.example/' }, /write a list/],
  [
    'post-logout redirect URIs keep the same rules',
    { ...examples.spa, postLogoutRedirectUris: ['http://a.example/'] },
    /^Post-logout redirect URI .*use https/,
  ],
  ['an origin has no path', { ...examples.spa, origins: ['https://a.example/x'] }, /write https:\/\/a\.example/],
  ['the start URI is https or loopback', { ...examples.spa, startUri: 'javascript:alert(1)' }, /^Start URI/],
  ['the logo URI is https or loopback', { ...examples.spa, logoUri: 'data:image/png;base64,AA==' }, /^Logo URI/],
  [
    'the back-channel logout URI is https or loopback',
    { ...examples.web, backchannelLogoutUri: 'http://a.example/logout' },
    /^Back-channel logout URI .*use https/,
  ],
  [
    'the back-channel logout URI has no fragment',
    { ...examples.web, backchannelLogoutUri: 'https://a.example/logout#now' },
    /^Back-channel logout URI .*fragment/,
  ],
  [
    'a service is told of no sign-out',
    { ...examples.service, backchannelLogoutUri: 'https://a.example/logout' },
    /^Back-channel logout URI: a service client has no sessions of people/,
  ],
  ['an API is named by a URI', { ...examples.spa, apis: ['orders'] }, /^API "orders": it is not an absolute URI/],
  [
    'an SPA cannot keep a secret',
    { ...examples.spa, tokenEndpointAuthMethod: 'client_secret_basic' },
    /a spa client uses none/,
  ],
  [
    'a server app must authenticate',
    { ...examples.web, tokenEndpointAuthMethod: 'none' },
    /client_secret or client_secret_basic or client_secret_post or private_key_jwt/,
  ],
  ['a secret for a public client is refused', { ...examples.spa, secret: ownSecret }, /has none; leave it out/],
  ['a secret that can be guessed is refused', { ...examples.web, secret: 'password'.repeat(4) }, /can be guessed/],
  ['a short secret is refused', { ...examples.web, secret: 'hunter2' }, /at least 32 random characters/],
  [
    'private_key_jwt needs keys',
    { ...examples.web, tokenEndpointAuthMethod: 'private_key_jwt' },
    /needs the public keys/,
  ],
  [
    'keys come inline or by URI, not both',
    { ...examples.web, jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AA' }] }, jwksUri: 'https://a.example/jwks' },
    /not both/,
  ],
  ['PKCE stays required of a public client', { ...examples.spa, pkce: 'optional' }, /confidential clients only/],
  ['the ID token algorithm none is refused', { ...examples.spa, idTokenAlg: 'none' }, /choose one of ES256/],
  ['yes is refused instead of true', { ...examples.spa, firstParty: 'yes' }, /^firstParty "yes": write true or false/],
  [
    'a service pushes no authorization requests',
    { ...examples.service, requirePar: true },
    /no authorization request to push/,
  ],
  [
    'a refresh token comes in the body or in a cookie',
    { ...examples.spa, refreshDelivery: 'header' },
    /^Refresh delivery "header": write body or cookie/,
  ],
  ...(['web', 'native', 'service', 'device'] as const).map((preset): (typeof refusals)[number] => [
    `a cookie is not for what does not run in a browser: ${preset}`,
    { ...examples[preset], refreshDelivery: 'cookie' },
    new RegExp(
      `^Refresh delivery: a cookie is only for spa clients, which run in a browser, and this is a ${preset} client`,
    ),
  ]),
  [
    'a misspelt field is named with the right one',
    { ...examples.spa, redirectURI: ['https://a.example'] },
    /"redirectURI".*did you mean "redirectUris"/,
  ],
]

describe('an invalid client is refused with a sentence that names the remedy', () => {
  test.each(refusals)('%s', (_title, input, sentence) => {
    const faults = faultsOf(() => newClient(input as ClientInput))
    expect(faults).toEqual([expect.stringMatching(sentence)])
  })

  test('one error names every fault', () => {
    const input = {
      preset: 'spa',
      name: '',
      id: '?',
      redirectUris: ['http://a.example/#x'],
      pkce: 'never',
      idTokenAlg: 'HS256',
    }
    expect(faultsOf(() => newClient(input as unknown as ClientInput))).toHaveLength(5)
  })

  test('the failure is client_invalid, of kind invalid', () => {
    try {
      newClient({ ...examples.spa, name: '' })
      throw new Error('accepted')
    } catch (error) {
      expect(error).toBeInstanceOf(Failure)
      expect(error).toMatchObject({ code: 'client_invalid', kind: 'invalid' })
    }
  })

  test.each([[null], [undefined], [7], ['spa'], [[]], [{ __proto__: { preset: 'spa' } }], [{ preset: '__proto__' }]])(
    'input of the wrong type is refused like any other: %p',
    (input) => {
      expect(faultsOf(() => newClient(input as unknown as ClientInput))).not.toHaveLength(0)
    },
  )
})

describe('a change is checked like a new client', () => {
  const spa = newClient(examples.spa)
  const web = newClient({ ...examples.web, secret: ownSecret })

  test('a field that is left out stays unchanged', () => {
    expect(changedClient(spa, { name: 'Orders 2', startUri: undefined })).toEqual({ ...spa, name: 'Orders 2' })
  })

  test('null empties an optional field', () => {
    const started = changedClient(spa, { startUri: 'https://app.example/' })
    expect(started.startUri).toBe('https://app.example/')
    expect(changedClient(started, { startUri: null }).startUri).toBeUndefined()
  })

  test('PKCE may be made optional for a confidential client', () => {
    expect(changedClient(web, { pkce: 'optional' }).pkce).toBe('optional')
  })

  test('PKCE may not be made optional for a public client', () => {
    expect(faultsOf(() => changedClient(spa, { pkce: 'optional' }))).toEqual([
      expect.stringMatching(/confidential clients only/),
    ])
  })

  test('PKCE may not be made optional or replaced by a nonce for a public client of any preset', () => {
    const device = newClient(examples.device)
    for (const pkce of ['or-nonce', 'optional'] as const) {
      for (const client of [spa, device]) {
        expect(faultsOf(() => changedClient(client, { pkce }))).toEqual([
          expect.stringMatching(/confidential clients only/),
        ])
      }
    }
  })

  test('an app that gets its first API gets the claims in its ID token, unless its profile is strict', () => {
    const apis = ['https://a.example']
    const off = changedClient(spa, { claimsInIdToken: false })
    expect(changedClient(off, { apis }).claimsInIdToken).toBe(true)
    expect(changedClient(off, { apis, claimsInIdToken: false }).claimsInIdToken).toBe(false)
    expect(changedClient(changedClient(spa, { profile: 'strict' }), { apis }).claimsInIdToken).toBe(false)
  })

  test('grants outside the preset, and invalid combinations of grants, are refused', () => {
    const device = 'urn:ietf:params:oauth:grant-type:device_code'
    const wrong: [object, RegExp][] = [
      [{ ...examples.spa, grants: ['authorization_code', 'client_credentials'] }, /a spa client may have/],
      [{ ...examples.service, grants: ['client_credentials', 'authorization_code'] }, /a service client may have/],
      [{ ...examples.web, grants: ['authorization_code', 'implicit'] }, /"implicit".*a web client may have/],
      [{ ...examples.web, grants: [] }, /name at least one/],
      [{ ...examples.web, grants: 'authorization_code' }, /name at least one/],
      [{ ...examples.web, grants: ['authorization_code', 'authorization_code'] }, /twice/],
      [{ ...examples.device, grants: [device, 'client_credentials'] }, /must authenticate/],
      [{ ...examples.device, grants: ['refresh_token'] }, /needs authorization_code or device_code/],
      [{ ...examples.web, grants: [device] }, /has none; leave it out|uses no redirects/],
    ]
    for (const [input, sentence] of wrong) {
      expect(faultsOf(() => newClient(input as ClientInput))).toEqual([expect.stringMatching(sentence)])
    }
  })

  test('id and preset never change', () => {
    expect(faultsOf(() => changedClient(spa, { id: 'other', preset: 'native' } as ClientChanges))).toHaveLength(2)
  })

  test('a client that changes to private_key_jwt loses its secret', () => {
    const changed = changedClient(web, {
      tokenEndpointAuthMethod: 'private_key_jwt',
      jwksUri: 'https://shop.example/jwks',
    })
    expect(changed.secretDigest).toBeUndefined()
  })
})
