/** A browser app whose refresh token rests in a cookie that no script can read. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { letTimePass } from '../../harness/later.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import type { PlainAnswer } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { AppPage, cookieOf, setCookies } from './app-page.ts'

/** localhost is one site, whatever the port. */
const shop = 'http://localhost:5173'
const office = 'http://localhost:5174'
const neighbour = 'http://localhost:5175'
const pastTheGrace = 11
const refused = { status: 400, json: { error: 'invalid_request' } }
const invalidGrant = { status: 400, json: { error: 'invalid_grant' } }

let provider: Provider
let ada: Person
let clientId: string
let otherId: string

const cookieClient = (id: string, origins: readonly string[], more: readonly string[] = []) =>
  addClient(provider, {
    preset: 'spa',
    id,
    firstParty: true,
    redirectUris: origins.map((origin) => `${origin}/callback`),
    postLogoutRedirectUris: origins.map((origin) => `${origin}/`),
    more: ['--refresh-delivery', 'cookie', ...more],
  })

beforeAll(async () => {
  provider = await startProvider()
  ada = await addPerson(provider)
  clientId = (await cookieClient('shop', [shop, office])).client_id
  otherId = (await cookieClient('other', [neighbour])).client_id
}, 60_000)

afterAll(() => provider?.stop())

const atShop = (agent?: AppPage['agent']) => new AppPage(provider, clientId, shop, agent)

async function signedIn(parameters: Record<string, string> = {}): Promise<AppPage> {
  const page = atShop()
  expect(await page.signIn(ada, parameters)).toMatchObject({ status: 200 })
  return page
}

const later = (seconds: number) => letTimePass(provider.databaseUrl, seconds)

function expectTokens(answer: PlainAnswer): void {
  expect(answer).toMatchObject({ status: 200, json: { access_token: expect.any(String) } })
  expect(answer.json).not.toHaveProperty('refresh_token')
}

describe('the refresh token', () => {
  test('comes in an HttpOnly, strictly same-site cookie and never in the answer, at sign-in and at each renewal', async () => {
    const page = atShop()
    const first = await page.signIn(ada)
    const second = await page.renew()
    for (const answer of [first, second]) {
      expectTokens(answer)
      expect(answer.json).toHaveProperty('id_token')
      expect(cookieOf(answer).attributes).toEqual(['httponly', 'path=/token', 'samesite=strict'])
    }
    expect(cookieOf(second).name).toBe(cookieOf(first).name)
    expect(cookieOf(second).value).not.toBe(cookieOf(first).value)
  })

  test('of a person who is not remembered goes when the browser is closed', async () => {
    const page = atShop()
    expect(cookieOf(await page.signIn(ada)).lifeSeconds).toBeUndefined()
    expect(cookieOf(await page.renew()).lifeSeconds).toBeUndefined()
    page.agent.cookies.closeBrowser()
    expect(await page.renew()).toMatchObject(invalidGrant)
  })

  test.each<[string, Record<string, string>, boolean]>([
    ['of a person who is remembered', {}, true],
    ['with offline access', { scope: 'openid offline_access' }, false],
  ])('%s stays over closing the browser, for as long as the token lives', async (_name, parameters, remember) => {
    const page = atShop()
    const idle = 14 * 86_400
    for (const answer of [await page.signIn(ada, parameters, remember), await page.renew()]) {
      expect(cookieOf(answer).lifeSeconds).toBeGreaterThan(idle - 3600)
      expect(cookieOf(answer).lifeSeconds).toBeLessThanOrEqual(idle + 1)
    }
    page.agent.cookies.closeBrowser()
    expectTokens(await page.renew())
  })

  test('is refused as a parameter, with and without the cookie', async () => {
    const page = await signedIn()
    const [token = ''] = cookieOf(await page.renew()).value.split('.')
    expect(await page.renew({}, { refresh_token: token })).toMatchObject(refused)
    expect(await page.renew({ cookie: '' }, { refresh_token: token })).toMatchObject(refused)
    expectTokens(await page.renew())
  })

  test('of an app that is set to the body does not come by cookie any more, and the other way round', async () => {
    const { client_id: id } = await addClient(provider, {
      preset: 'spa',
      firstParty: true,
      redirectUris: [`${shop}/callback`],
    })
    const page = new AppPage(provider, id, shop)
    const { refresh_token: inBody = '' } = (await page.signIn(ada)).json as { refresh_token?: string }
    expect(inBody).not.toBe('')
    expect(setCookies(await page.renew({}, { refresh_token: inBody }))).toEqual([])
    const set = async (way: string, settled: () => Promise<boolean>) => {
      await provider.cli(['clients', 'set', id, '--refresh-delivery', way])
      expect(await eventually(async () => ((await settled()) ? true : undefined))).toBe(true)
    }
    await set('cookie', async () => (await page.renew({}, { refresh_token: 'x' })).json.error === 'invalid_request')
    expectTokens(await page.exchange(await page.arrive(undefined)))
    await set('body', async () => (await page.renew({}, { refresh_token: 'x' })).json.error === 'invalid_grant')
    expect(await page.renew()).toMatchObject(refused)
  })
})

describe('a page that may not have it', () => {
  const ownPage = { origin: shop, 'sec-fetch-site': 'same-site' }
  const strangers: [string, Record<string, string>][] = [
    ['on another site', { ...ownPage, 'sec-fetch-site': 'cross-site' }],
    [
      'on another site, of an origin that is not registered',
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    ],
    ['of the same site that is not registered', { ...ownPage, origin: 'http://localhost:6666' }],
    ['of another client on the same site', { ...ownPage, origin: neighbour }],
    ['of an origin that only begins like ours', { ...ownPage, origin: `${shop}0` }],
    ['in a sandbox', { ...ownPage, origin: 'null' }],
    ['that does not say where it is from', { ...ownPage, origin: '' }],
    ['of a browser that does not say which site it is on', { ...ownPage, 'sec-fetch-site': '' }],
    ['that says so twice', { ...ownPage, 'sec-fetch-site': 'cross-site, same-site' }],
    ['that nobody opened: an address that was typed', { ...ownPage, 'sec-fetch-site': 'none' }],
    ['that is a program', { origin: '', 'sec-fetch-site': '' }],
  ]

  test.each(strangers)(
    '%s renews nothing, redeems nothing, revokes nothing and is given no cookie',
    async (_name, headers) => {
      const page = await signedIn()
      const callback = await page.arrive(undefined)
      for (const answer of [
        await page.renew(headers),
        await page.exchange(callback, headers),
        await page.revoke(headers),
      ]) {
        expect(answer).toMatchObject(refused)
        expect(setCookies(answer)).toEqual([])
        const readable = headers['origin'] === shop
        expect(answer.headers['access-control-allow-origin']).toBe(readable ? shop : undefined)
        expect(answer.headers['access-control-allow-credentials']).toBe(readable ? 'true' : undefined)
      }
      expectTokens(await page.renew())
      expectTokens(await page.exchange(callback))
    },
  )

  test('cannot plant its own sign-in: a stranger’s code is redeemed from a page of the app only', async () => {
    const thief = await addPerson(provider)
    const page = await signedIn()
    const planted = await atShop().arrive(thief)
    for (const mode of ['cors', 'no-cors', 'navigate']) {
      const answer = await page.exchange(planted, { origin: neighbour, 'sec-fetch-mode': mode })
      expect(answer).toMatchObject(refused)
      expect(setCookies(answer)).toEqual([])
    }
    expectTokens(await page.renew())
  })
})

describe('a cookie', () => {
  const cookieHeader = (page: AppPage) => page.agent.cookies.header(new URL(provider.url('/token'))) ?? ''
  const ours = (page: AppPage) =>
    cookieHeader(page)
      .split('; ')
      .find((pair) => pair.includes('claviger_refresh')) ?? ''
  const nameAt = async (page: AppPage) => cookieOf(await page.signIn(ada)).name

  test('is worth nothing under the name of another origin of the same app', async () => {
    const page = await signedIn()
    const [, value] = ours(page).split('=')
    const atOffice = new AppPage(provider, clientId, office)
    const name = await nameAt(atOffice)
    expect(await atOffice.renew({ cookie: `${name}=${value}` })).toMatchObject(invalidGrant)
    expectTokens(await page.renew())
  })

  test('is worth nothing under the name of another app', async () => {
    const page = await signedIn()
    const [, value] = ours(page).split('=')
    const other = new AppPage(provider, otherId, neighbour)
    const name = await nameAt(other)
    expect(await other.renew({ cookie: `${name}=${value}` })).toMatchObject(invalidGrant)
    expectTokens(await page.renew())
  })

  test('that is there twice is not guessed at: one of them was planted', async () => {
    const page = await signedIn()
    const planted = ours(await signedIn())
    for (const cookie of [`${planted}; ${ours(page)}`, `${ours(page)}; ${planted}`]) {
      expect(await page.renew({ cookie })).toMatchObject(invalidGrant)
    }
    expectTokens(await page.renew())
  })

  test('of any other content, up to what a server reads at all, is no cookie', async () => {
    const page = await signedIn()
    const [name = '', value = ''] = ours(page).split('=')
    const [token = '', mac = ''] = value.split('.')
    const contents = [
      ...['', '.', token, `${token}.`, `.${mac}`, `${token}.${token}`, `${mac}.${token}`, `${value}.${mac}`],
      ...[`"${value}"`, ` ${value} x`, value.toUpperCase(), `${value}=`, '%00', '__proto__', '💥'],
      ...[4096, 8000].map((length) => 'x'.repeat(length)),
      `${token.repeat(100)}.${mac}`,
    ]
    for (const content of contents) {
      expect(await page.renew({ cookie: `${name}=${Buffer.from(content).toString('latin1')}` })).toMatchObject(
        invalidGrant,
      )
    }
    expect((await page.renew({ cookie: `${name}=${'x'.repeat(20_000)}` })).status).toBe(431)
    expectTokens(await page.renew())
  })

  test('of each app and of each origin is its own: two apps in one browser keep apart', async () => {
    const page = await signedIn()
    const { agent } = page
    const atOffice = new AppPage(provider, clientId, office, agent)
    const other = new AppPage(provider, otherId, neighbour, agent)
    for (const each of [atOffice, other]) expectTokens(await each.exchange(await each.arrive(undefined)))
    await later(pastTheGrace)
    for (const each of [page, atOffice, other, page]) expectTokens(await each.renew())
    expect(await other.revoke()).toMatchObject({ status: 200 })
    expect(await other.renew()).toMatchObject(invalidGrant)
    for (const each of [page, atOffice]) expectTokens(await each.renew())
  })

  test('is that of the latest sign-in: the app is told whose it is', async () => {
    const grace = await addPerson(provider)
    const page = await signedIn()
    const second = atShop()
    const answer = await second.signIn(grace)
    page.agent.cookies.keep(new URL(provider.url('/token')), setCookies(answer))
    const { sub } = decodeJwt(String(answer.json['id_token']))
    expect(decodeJwt(String((await page.renew()).json['id_token'])).sub).toBe(sub)
  })
})
