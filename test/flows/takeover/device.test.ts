/** A device whose code was typed in one browser is connected in no other one. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'
import { openStage, pressOnly, type Stage, typed } from './stage.ts'

interface Device {
  code: string
  userCode: string
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

async function begin({ device }: Stage): Promise<Device> {
  const { json } = await device.post('/device/auth', { scope: 'openid' })
  return { code: String(json['device_code']), userCode: String(json['user_code']) }
}

const poll = async ({ device }: Stage, { code }: Device) =>
  (await device.token({ grant_type: deviceGrant, device_code: code })).json['error']

/** Types the code, and comes to the sign-in page. */
async function type(stage: Stage, agent: UserAgent, { userCode }: Device): Promise<VisitedPage> {
  const page = await agent.press(await agent.visit(stage.url('/device')), '#continue', { user_code: userCode })
  expect(page.heading).toBe('Sign in')
  return page
}

/** Types the code, signs in, and comes to the page that asks whether the device is one's own. */
async function typeAndSignIn(stage: Stage, agent: UserAgent, device: Device): Promise<VisitedPage> {
  const asked = await agent.press(await type(stage, agent, device), '#sign-in', typed(stage.victim))
  expect(asked.heading).toBe('Is this your device?')
  return asked
}

const resumeOf = (stage: Stage, page: VisitedPage) => stage.url(`/device/${page.url.pathname.split('/')[2]}`)

describe('on localhost, where a neighbour on another port can set every cookie', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage()
  }, 60_000)
  afterAll(() => stage?.close())

  test('the attacker’s browser gets no session of the person who signed in, and connects no device', async () => {
    const device = await begin(stage)
    const [attacker, victim] = [stage.browser(), stage.browser()]
    const page = await type(stage, attacker, device)
    victim.cookies.plant(attacker.cookies)
    const shown = await victim.visit(page.url)
    const { location } = await pressOnly(victim, shown, '#sign-in', typed(stage.victim))
    expect(location).toBe(resumeOf(stage, page))
    const stolen = await attacker.visit(location)
    expect(stolen.heading).not.toBe('Device connected')
    expect(await stage.isSignedIn(attacker, stage.victim)).toBe(false)
    expect(await poll(stage, device)).toMatch(/authorization_pending|slow_down/)
  })

  test('a second press of the button in the person’s own browser shows that the device is connected', async () => {
    const device = await begin(stage)
    const agent = stage.browser()
    const page = await typeAndSignIn(stage, agent, device)
    expect((await agent.press(page, '#allow')).heading).toBe('Device connected')
    expect((await agent.press(page, '#allow')).heading).toBe('Device connected')
    expect(await poll(stage, device)).toBeUndefined()
  })

  test('two presses of the button at the same moment connect the device', async () => {
    const device = await begin(stage)
    const agent = stage.browser()
    const page = await typeAndSignIn(stage, agent, device)
    await Promise.all([1, 2].map(() => agent.press(page, '#allow')))
    expect(await poll(stage, device)).toBeUndefined()
  })

  test('answers that never reached the browser do not keep the person from the page that says so', async () => {
    const device = await begin(stage)
    const agent = stage.browser()
    const page = await typeAndSignIn(stage, agent, device)
    const overtaken = () => new UserAgent(stage.issuer, { cookies: agent.cookies.copy() })
    await pressOnly(overtaken(), page, '#allow')
    expect((await overtaken().press(page, '#allow')).heading).toBe('Device connected')
    expect((await agent.press(page, '#allow')).heading).toBe('Device connected')
    expect(await poll(stage, device)).toBeUndefined()
  })
})

describe('at an https issuer, where the session’s cookie cannot be set by a neighbour', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage('https://id.example')
  }, 60_000)
  afterAll(() => stage?.close())

  test('a person who is led to the sign-in page of a stranger’s device is shown no form', async () => {
    const device = await begin(stage)
    const [attacker, victim] = [stage.browser(), stage.browser()]
    const page = await type(stage, attacker, device)
    victim.cookies.plant(attacker.cookies)
    const shown = await victim.visit(page.url)
    expect([shown.status, shown.document.querySelector('form')]).toEqual([410, null])
    const headers = { origin: stage.issuer, 'sec-fetch-site': 'same-origin' }
    const csrf = page.document.querySelector('input[name="csrf"]')?.getAttribute('value') ?? ''
    const body = new URLSearchParams({ ...typed(stage.victim), csrf }).toString()
    expect((await victim.send('POST', `${page.url.href}/login`, { body, headers })).status).toBe(410)
    expect(await poll(stage, device)).toMatch(/authorization_pending|slow_down/)
  })

  test('a person who is signed in and is led there connects nothing either', async () => {
    const device = await begin(stage)
    const [attacker, victim] = [stage.browser(), stage.browser()]
    const own = await victim.visit(stage.app.start().url)
    await victim.press(own, '#sign-in', typed(stage.victim))
    const page = await type(stage, attacker, device)
    victim.cookies.plant(attacker.cookies)
    expect((await victim.visit(page.url)).status).toBe(410)
    expect((await victim.visit(resumeOf(stage, page))).heading).not.toBe('Device connected')
    expect(await poll(stage, device)).toMatch(/authorization_pending|slow_down/)
  })

  test('the browser in which the code was typed connects the device', async () => {
    const device = await begin(stage)
    const agent = stage.browser()
    const page = await typeAndSignIn(stage, agent, device)
    expect((await agent.press(page, '#allow')).heading).toBe('Device connected')
    expect(await poll(stage, device)).toBeUndefined()
  })

  test('a person who is led to the question about a stranger’s device is shown no form either', async () => {
    const device = await begin(stage)
    const [attacker, victim] = [stage.browser(), stage.browser()]
    const own = await victim.visit(stage.app.start().url)
    await victim.press(own, '#sign-in', typed(stage.victim))
    const signIn = await type(stage, attacker, device)
    const page = await attacker.press(signIn, '#sign-in', typed(stage.attacker))
    expect(page.heading).toBe('Is this your device?')
    victim.cookies.plant(attacker.cookies)
    const shown = await victim.visit(page.url)
    expect([shown.status, shown.document.querySelector('form')]).toEqual([410, null])
    const headers = { origin: stage.issuer, 'sec-fetch-site': 'same-origin' }
    const csrf = page.document.querySelector('input[name="csrf"]')?.getAttribute('value') ?? ''
    const body = new URLSearchParams({ decision: 'allow', csrf }).toString()
    expect((await victim.send('POST', `${page.url.href}/consent`, { body, headers })).status).toBe(410)
    expect(await poll(stage, device)).toMatch(/authorization_pending|slow_down/)
  })
})
