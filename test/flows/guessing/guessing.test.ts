/** Guessing is slowed, owners are not locked out, and nothing tells who has an account. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
/** Tells the sources of this file's people apart, as a proxy of ours would. */
const env = { CLAVIGER_TRUSTED_PROXIES: '127.0.0.0/8,::1/128' }

let provider: Provider
let app: PlainClient
let rows: Rows

beforeAll(async () => {
  provider = await startProvider({ env })
  rows = await openRows(provider.databaseUrl)
  const client = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  app = new PlainClient(client, { issuer: provider.issuer, redirectUri, port: () => provider.port })
}, 60_000)

afterAll(async () => {
  await rows?.close()
  await provider?.stop()
})

/** A browser somewhere; at a node of one's choice. */
const browserIn = (place: string, port = () => provider.port) =>
  new UserAgent(provider.issuer, { port, headers: { 'x-forwarded-for': place } })

async function attempt(agent: UserAgent, login: string, password: string): Promise<VisitedPage> {
  const page = await agent.visit(app.start({ prompt: 'login' }).url)
  return agent.press(page, '#sign-in', { login, password })
}

/** Wrong passwords for one person from one place, until one is held back or the patience ends. */
async function guessUntilHeld(agent: UserAgent, login: string, most = 30): Promise<number> {
  let page = await agent.visit(app.start({ prompt: 'login' }).url)
  for (let guesses = 1; guesses <= most; guesses += 1) {
    page = await agent.press(page, '#sign-in', { login, password: `wrong guess number ${guesses}` })
    if (page.status === 429) return guesses
  }
  return Number.POSITIVE_INFINITY
}

/** On a busy machine the first wait, a second, may be over before the next request is sent: those there are become longer. */
const lengthenWaits = () =>
  rows.query(
    `update sign_in_attempts set blocked_until = blocked_until + interval '5 minutes' where blocked_until > last_failure_at`,
  )

describe('guessing', () => {
  test('is held back after about ten wrong passwords, with the time to wait, and the form stays', async () => {
    const person = await addPerson(provider)
    const agent = browserIn('198.51.100.1')
    const guesses = await guessUntilHeld(agent, person.email)
    expect(guesses).toBeGreaterThanOrEqual(10)
    expect(guesses).toBeLessThanOrEqual(12)
    await lengthenWaits()
    const held = await attempt(agent, person.email, person.password)
    expect([held.status, held.heading]).toEqual([429, 'Sign in'])
    expect(Number(held.headers['retry-after'])).toBeGreaterThan(0)
    expect(held.document.querySelector('[role="alert"]')).not.toBeNull()
  })

  test('a thousand wrong tries from elsewhere never stop the right password in a browser the owner used before', async () => {
    const person = await addPerson(provider)
    const owner = browserIn('203.0.113.5')
    expect((await attempt(owner, person.email, person.password)).left).toBe(true)
    const strangers = Array.from({ length: 10 }, (_, index) => browserIn(`198.51.100.${10 + index}`))
    await Promise.all(
      strangers.map(async (stranger) => {
        let page = await stranger.visit(app.start({ prompt: 'login' }).url)
        for (let guess = 0; guess < 100; guess += 1) {
          page = await stranger.press(page, '#sign-in', {
            login: person.email,
            password: `wrong guess number ${guess}`,
          })
          expect([422, 429]).toContain(page.status)
        }
      }),
    )
    await lengthenWaits()
    expect((await attempt(browserIn('198.51.100.10'), person.email, person.password)).status).toBe(429)
    expect((await attempt(owner, person.email, person.password)).left).toBe(true)
    expect((await attempt(owner, person.email, person.password)).left).toBe(true)
  })

  test('the cookie of a known browser signs nobody in, and helps with nobody else', async () => {
    const [person, other] = [await addPerson(provider), await addPerson(provider)]
    const owner = browserIn('203.0.113.6')
    expect((await attempt(owner, person.email, person.password)).left).toBe(true)
    expect(await guessUntilHeld(owner, other.email)).toBeLessThanOrEqual(12)
    expect((await attempt(owner, person.email, 'not the right password')).status).toBe(422)
  })

  test('is counted together by all nodes, and over restarts', async () => {
    const person = await addPerson(provider)
    const { CLAVIGER_KEY_ENCRYPTION_KEY = '', CLAVIGER_ISSUER = '' } = provider.env
    const database = { url: provider.databaseUrl }
    const shared = { ...env, CLAVIGER_KEY_ENCRYPTION_KEY, CLAVIGER_ISSUER }
    let second = await startProvider({ database, env: shared })
    try {
      const here = browserIn('198.51.100.60')
      const there = () => browserIn('198.51.100.60', () => second.port)
      for (let turn = 0; turn < 5; turn += 1) {
        expect((await attempt(here, person.email, `wrong here ${turn} and long`)).status).toBe(422)
        expect((await attempt(there(), person.email, `wrong there ${turn} and long`)).status).toBe(turn < 4 ? 422 : 429)
      }
      await lengthenWaits()
      await second.stop()
      second = await startProvider({ database, env: shared })
      expect((await attempt(there(), person.email, person.password)).status).toBe(429)
    } finally {
      await second.stop()
    }
  }, 60_000)

  test('a forwarded address that no proxy of ours wrote changes nothing', async () => {
    const open = await startProvider()
    try {
      const person = await addPerson(open)
      const client = await addClient(open, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
      const direct = new PlainClient(client, { issuer: open.issuer, redirectUri, port: () => open.port })
      let held = 0
      for (let guess = 0; guess < 14; guess += 1) {
        const headers = {
          'x-forwarded-for': `198.51.100.${guess}`,
          forwarded: `for=198.51.100.${guess}`,
          'x-real-ip': `198.51.100.${guess}`,
        }
        const agent = new UserAgent(open.issuer, { headers })
        const page = await agent.visit(direct.start().url)
        const answer = await agent.press(page, '#sign-in', {
          login: person.email,
          password: `wrong guess ${guess} long`,
        })
        if (answer.status === 429) held += 1
      }
      expect(held).toBeGreaterThanOrEqual(3)
    } finally {
      await open.stop()
    }
  }, 60_000)

  test('the addresses of one IPv6 network count as one place', async () => {
    const person = await addPerson(provider)
    const statuses: number[] = []
    for (let guess = 0; guess < 13; guess += 1) {
      statuses.push(
        (await attempt(browserIn(`2001:db8:1:2::${guess + 1}`), person.email, `wrong guess ${guess} long`)).status,
      )
    }
    expect(statuses.at(-1)).toBe(429)
    expect((await attempt(browserIn('2001:db8:1:3::1'), person.email, person.password)).left).toBe(true)
  })

  test('a name that nobody has is held back just like one that somebody has', async () => {
    const person = await addPerson(provider)
    const known = await guessUntilHeld(browserIn('198.51.100.90'), person.email)
    const unknown = await guessUntilHeld(browserIn('198.51.100.91'), 'nobody.at.all@example.com')
    expect(unknown).toBe(known)
  })
})

describe('sign-in names', () => {
  test('ignore case and blanks around them', async () => {
    const person = await addPerson(provider, { email: 'Jay.Tester@Example.COM' })
    for (const login of [
      'jay.tester@example.com',
      'JAY.TESTER@EXAMPLE.COM',
      '  Jay.Tester@example.com ',
      person.email,
    ]) {
      expect((await attempt(browserIn('203.0.113.20'), login, person.password)).left).toBe(true)
    }
    const again = await provider.command(
      ['users', 'add', 'JAY.tester@example.com', '--password-stdin'],
      'a-password-of-length\n',
    )
    expect(again.code).toBe(1)
  })

  test('ignore case in counting, too', async () => {
    const person = await addPerson(provider, { email: 'Case.Counter@example.com' })
    const spellings = ['case.counter@example.com', 'CASE.COUNTER@EXAMPLE.COM', ' Case.Counter@Example.com']
    let last = 0
    for (let guess = 0; guess < 12; guess += 1) {
      const login = spellings[guess % spellings.length] ?? ''
      last = (await attempt(browserIn('198.51.100.120'), login, `wrong guess ${guess} long`)).status
    }
    expect(last).toBe(429)
    expect(person.email).toBe('Case.Counter@example.com')
  })
})

describe('nothing tells who has an account', () => {
  let person: Person
  let disabled: Person
  const imported = 'imported@example.com'
  beforeAll(async () => {
    ;[person, disabled] = [await addPerson(provider), await addPerson(provider)]
    await provider.cli(['users', 'disable', disabled.email])
    await provider.cli(['users', 'add', 'nopassword@example.com', '--no-password']).catch(() => undefined)
    const hash = '$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
    const brought = await provider.command(
      ['users', 'import', '-f', '-'],
      `${JSON.stringify({ email: imported, password_hash: hash })}\n`,
    )
    expect(brought.code).toBe(0)
  })

  /** Without what differs by request: its id, its tokens, what was typed. */
  const comparable = ({ status, text, headers }: VisitedPage, login: string) => {
    const { date: _date, 'x-request-id': _id, 'content-length': _length, 'set-cookie': cookies, ...rest } = headers
    const names = (cookies ?? []).map((line) => line.split('=')[0])
    const body = text
      .replaceAll(login, 'LOGIN')
      .replace(/name="csrf" value="[^"]+"/g, 'CSRF')
      // The page itself, sealed for the language switch: it holds the same form with its token and what was typed.
      .replace(/name="page" value="[^"]+"/g, 'PAGE')
      .replace(/\/interaction\/[\w-]+/g, '/interaction/UID')
    return { status, body, rest, names }
  }

  test('unknown, disabled, wrong, empty and imported: the same status, headers and page, byte by byte', async () => {
    const cases: [string, string][] = [
      ['nobody.here@example.com', 'a wrong password of length'],
      [disabled.email, disabled.password],
      [disabled.email, 'a wrong password of length'],
      [person.email, 'a wrong password of length'],
      [person.email, ''],
      ['nobody.here@example.com', ''],
      [imported, 'a wrong password of length'],
      [person.email, 'x'.repeat(1_100)],
      ['nobody.here@example.com', 'x'.repeat(1_100)],
      ['not an address', 'a wrong password of length'],
    ]
    const seen = []
    for (const [index, [login, password]] of cases.entries()) {
      seen.push(comparable(await attempt(browserIn(`192.0.2.${index + 1}`), login, password), login))
    }
    expect(seen[0]?.status).toBe(422)
    for (const one of seen) expect(one).toEqual(seen[0])
  })

  test('each is looked at as long as the others: none answers without hashing', async () => {
    // A median of few tries on a busy machine says little, but an answer without hashing would be several times faster.
    const kinds: [string, string][] = [
      [person.email, 'a wrong password of length'],
      ['nobody.there@example.com', 'a wrong password of length'],
      [disabled.email, 'a wrong password of length'],
      [person.email, ''],
      [imported, 'a wrong password of length'],
    ]
    const times = kinds.map((): number[] => [])
    for (let round = 0; round < 9; round += 1) {
      for (const [kind, [login, password]] of kinds.entries()) {
        const agent = browserIn(`192.0.2.${100 + round * kinds.length + kind}`)
        const page = await agent.visit(app.start().url)
        const began = performance.now()
        await agent.press(page, '#sign-in', { login, password })
        times[kind]?.push(performance.now() - began)
      }
    }
    const medians = times.map((all) => all.sort((a, b) => a - b)[4] ?? 0)
    const [fastest, slowest] = [Math.min(...medians), Math.max(...medians)]
    expect(slowest / fastest).toBeLessThan(2)
  })
})
