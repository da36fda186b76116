/** A device without a keyboard is connected from a browser. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as client from 'openid-client'
import { letTimePass } from '../../harness/later.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type RelyingParty, relyingParty } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

let provider: Provider
let person: Person
let tv: RelyingParty

beforeAll(async () => {
  provider = await startProvider()
  const [added, device] = await Promise.all([
    addPerson(provider),
    addClient(provider, { preset: 'device', name: 'Television' }),
  ])
  person = added
  tv = await relyingParty(provider.issuer, device)
})

afterAll(() => provider?.stop())

const begin = () => client.initiateDeviceAuthorization(tv.config, { scope: 'openid profile offline_access' })

/** One poll, without waiting for the interval. */
async function poll(
  deviceCode: string,
  port = provider.port,
  clientId = tv.config.clientMetadata().client_id,
): Promise<{ status: number; json: Record<string, string> }> {
  const place = { issuer: provider.issuer, port: () => port, redirectUri: '' }
  const { status, json } = await new PlainClient({ client_id: clientId }, place).token({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: deviceCode,
  })
  return { status, json: json as Record<string, string> }
}

const typed = () => ({ login: person.email, password: person.password })

/** A link with the code in it leads over a page that sends itself on, or is sent on by hand without JavaScript. */
async function open(agent: UserAgent, url: string): Promise<VisitedPage> {
  const page = await agent.visit(url)
  return page.heading === 'One moment' ? agent.press(page, '#continue') : page
}

/** Signs in where that is asked first: the question whose device it is comes after it. */
async function signedIn(agent: UserAgent, page: VisitedPage): Promise<VisitedPage> {
  return page.document.querySelector('#sign-in') ? agent.press(page, '#sign-in', typed()) : page
}

/** From the page that asks for the code to the last page. */
async function connect(agent: UserAgent, url: string, userCode?: string): Promise<VisitedPage> {
  let page = await open(agent, url)
  if (userCode !== undefined) page = await agent.press(page, '#continue', { user_code: userCode })
  page = await signedIn(agent, page)
  expect(page.heading).toBe('Is this your device?')
  return agent.press(page, '#allow')
}

describe('a device', () => {
  test('is connected by the code that it shows, and gets tokens for the person who typed it', async () => {
    const { device_code, user_code, verification_uri } = await begin()
    expect(await poll(device_code)).toMatchObject({ status: 400, json: { error: 'authorization_pending' } })
    const done = await connect(
      new UserAgent(provider.issuer),
      verification_uri,
      user_code.toLowerCase().replace('-', ' '),
    )
    expect(done).toMatchObject({ status: 200, heading: 'Device connected' })
    const { status, json } = await poll(device_code)
    expect(status).toBe(200)
    const claims = await tv.userinfo(json['access_token'] ?? '', client.skipSubjectCheck as unknown as string)
    expect(claims['name']).toBe(person.name)
    expect((await tv.refresh(json['refresh_token'] ?? '')).access_token).toBeDefined()
  })

  test('is connected by the link in its QR code, which still asks whether it is the person’s own', async () => {
    const { device_code, user_code, verification_uri_complete = '' } = await begin()
    const agent = new UserAgent(provider.issuer)
    const shown = await signedIn(agent, await open(agent, verification_uri_complete))
    expect(shown.heading).toBe('Is this your device?')
    expect(shown.text).toContain(user_code)
    expect(shown.text).toContain('Television')
    expect((await connect(agent, verification_uri_complete)).heading).toBe('Device connected')
    expect((await poll(device_code)).status).toBe(200)
  })

  test('gets its tokens once: the same code again is refused and ends what it gave', async () => {
    const { device_code, verification_uri_complete = '' } = await begin()
    await connect(new UserAgent(provider.issuer), verification_uri_complete)
    const answers = await Promise.all(Array.from({ length: 20 }, () => poll(device_code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, json } of answers) if (status !== 200) expect(json['error']).toBe('invalid_grant')
    expect((await poll(device_code)).json['error']).toBe('invalid_grant')
    const recorded = await provider.cli<{ client_id: string }[]>(['events', 'list', '--kind', 'code.reused'])
    expect(recorded).toHaveLength(1)
    const given = answers.find(({ status }) => status === 200)?.json['refresh_token'] ?? ''
    await expect(tv.refresh(given)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  test('is asked about once: one page has its code, what it would like to do and who is signed in', async () => {
    const { user_code, verification_uri } = await begin()
    const agent = new UserAgent(provider.issuer)
    const form = await agent.visit(verification_uri)
    const page = await signedIn(agent, await agent.press(form, '#continue', { user_code }))
    expect(page.document.querySelector('.big-code')?.textContent).toBe(user_code)
    expect(page.document.querySelector('.asked')?.textContent).toMatch(/Know who you are.*while you are away/s)
    expect(page.document.querySelector('.person')?.textContent).toContain(person.email)
    expect((await agent.press(page, '#allow')).heading).toBe('Device connected')
  })

  test('of our own is asked about too, also where the person allowed it before', async () => {
    const ours = await relyingParty(
      provider.issuer,
      await addClient(provider, { preset: 'device', name: 'Our television', firstParty: true }),
    )
    const agent = new UserAgent(provider.issuer)
    for (let round = 0; round < 2; round += 1) {
      const begun = await client.initiateDeviceAuthorization(ours.config, { scope: 'openid profile' })
      const page = await signedIn(agent, await open(agent, begun.verification_uri_complete ?? ''))
      expect([page.heading, page.text.includes(begun.user_code)]).toEqual(['Is this your device?', true])
      expect((await agent.press(page, '#allow')).heading).toBe('Device connected')
    }
  })

  test('may be connected after the person left its page and typed the code again', async () => {
    const { device_code, user_code, verification_uri } = await begin()
    const agent = new UserAgent(provider.issuer)
    await agent.press(await agent.visit(verification_uri), '#continue', { user_code })
    expect((await connect(new UserAgent(provider.issuer), verification_uri, user_code)).heading).toBe(
      'Device connected',
    )
    expect((await poll(device_code)).status).toBe(200)
  })

  test('is connected by one of two browsers that answer at once, and the other is told so', async () => {
    const { device_code, verification_uri_complete = '' } = await begin()
    const browsers = [new UserAgent(provider.issuer), new UserAgent(provider.issuer)]
    const pages = await Promise.all(
      browsers.map(async (agent) => signedIn(agent, await open(agent, verification_uri_complete))),
    )
    await (browsers[0] as UserAgent).press(pages[0] as VisitedPage, '#allow')
    const late = await (browsers[1] as UserAgent).press(pages[1] as VisitedPage, '#allow')
    expect(late.heading).not.toBe('Device connected')
    expect((await poll(device_code)).status).toBe(200)
  })

  test('that polls faster than every five seconds is told slow_down, whichever process it asks', async () => {
    const { CLAVIGER_ISSUER = '', CLAVIGER_KEY_ENCRYPTION_KEY = '' } = provider.env
    const second = await startProvider({
      database: { url: provider.databaseUrl },
      env: { CLAVIGER_ISSUER, CLAVIGER_KEY_ENCRYPTION_KEY },
    })
    try {
      const { device_code, verification_uri_complete = '' } = await begin()
      const ports = [provider.port, second.port]
      const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => poll(device_code, ports[index % 2])))
      const told = answers.map(({ json }) => json['error']).sort()
      expect(told).toEqual(['authorization_pending', ...Array(11).fill('slow_down')])
      await letTimePass(provider.databaseUrl, 5)
      expect((await poll(device_code, second.port)).json['error']).toBe('authorization_pending')
      expect((await poll(device_code)).json['error']).toBe('slow_down')
      // Once the person has answered, the device learns it at once.
      await connect(new UserAgent(provider.issuer), verification_uri_complete)
      expect((await poll(device_code, second.port)).status).toBe(200)
    } finally {
      await second.stop()
    }
  })

  test('is not slowed down by another client that polls with its code', async () => {
    const { device_code } = await begin()
    const other = await addClient(provider, { preset: 'device', name: 'Another' })
    for (let times = 0; times < 3; times += 1) {
      expect((await poll(device_code, provider.port, other.client_id)).json['error']).toBe('invalid_grant')
    }
    expect((await poll(device_code)).json['error']).toBe('authorization_pending')
  })

  test('learns that the person said no', async () => {
    const { device_code, verification_uri_complete = '' } = await begin()
    const agent = new UserAgent(provider.issuer)
    const page = await signedIn(agent, await open(agent, verification_uri_complete))
    const refused = await agent.press(page, '#deny')
    expect([refused.status, refused.heading]).toEqual([200, 'Device not connected'])
    expect(await poll(device_code)).toMatchObject({ status: 400, json: { error: 'access_denied' } })
  })

  test('learns that its code has expired after ten minutes', async () => {
    const { device_code, verification_uri_complete = '' } = await begin()
    await letTimePass(provider.databaseUrl, 601)
    const { status, json } = await poll(device_code)
    expect(status).toBe(400)
    expect(['expired_token', 'invalid_grant']).toContain(json['error'])
    const page = await open(new UserAgent(provider.issuer), verification_uri_complete)
    expect(page.status).toBeLessThan(500)
    expect(page.heading).not.toBe('Is this your device?')
  })
})

describe('the page that asks for the code', () => {
  test('says that a code is not known, with 422, keeps what was typed and lets the person try again', async () => {
    const { user_code, verification_uri } = await begin()
    const agent = new UserAgent(provider.issuer)
    const page = await agent.visit(verification_uri)
    const wrong = await agent.press(page, '#continue', { user_code: 'BCDF-GHJK' })
    expect(wrong.status).toBe(422)
    expect(wrong.document.querySelector('[role="alert"]')).not.toBeNull()
    expect(wrong.document.querySelector('input[name="user_code"]')?.getAttribute('value')).toContain('BCDF')
    const known = await signedIn(agent, await agent.press(wrong, '#continue', { user_code }))
    expect(known.heading).toBe('Is this your device?')
  })

  test('a confirmation from another site, or without our token, connects nothing', async () => {
    const { device_code, user_code, verification_uri } = await begin()
    const agent = new UserAgent(provider.issuer)
    await agent.visit(verification_uri)
    const body = new URLSearchParams({ user_code, confirm: 'yes', xsrf: 'guessed' }).toString()
    for (const origin of [provider.issuer, 'https://evil.example']) {
      const { status } = await agent.send('POST', verification_uri, { body, headers: { origin } })
      expect(status).toBeGreaterThanOrEqual(400)
      expect(status).toBeLessThan(500)
    }
    expect((await poll(device_code)).json['error']).toMatch(/authorization_pending|slow_down/)
  })
})
