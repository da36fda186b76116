/** A neighbour of the issuer plants cookies of a sign-in of its own; the victim signs in on the genuine page. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { artifactModels } from '../../../src/storage/protocol/artifact-models.ts'
import { askDatabase } from '../../harness/later.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'
import { codeIn, openStage, pressOnly, type Stage, typed } from './stage.ts'

let stage: Stage

beforeAll(async () => {
  stage = await openStage()
}, 60_000)

afterAll(() => stage?.close())

interface Trap {
  attacker: UserAgent
  victim: UserAgent
  /** The attacker's sign-in page, as the victim's browser shows it. */
  page: VisitedPage
}

interface Bait {
  victim?: UserAgent
  start?: Record<string, string>
  /** What the attacker does in their own browser before the cookies are copied. */
  prepare?(attacker: UserAgent, page: VisitedPage): Promise<unknown>
}

/** The attacker starts a sign-in, plants all its cookies, and leads the victim to its page. */
async function setTrap({ victim = stage.browser(), start = {}, prepare }: Bait = {}): Promise<Trap> {
  const attacker = stage.browser()
  const began = await attacker.visit(stage.app.start(start).url)
  await prepare?.(attacker, began)
  victim.cookies.plant(attacker.cookies)
  return { attacker, victim, page: await victim.visit(began.url) }
}

const resumeOf = (page: VisitedPage) => stage.url(`/auth/${page.url.pathname.split('/')[2]}`)

/** Every way to the resume address that the attacker's browser can take. */
async function expectNothingFor(attacker: UserAgent, resume: string): Promise<void> {
  const { origin, pathname } = new URL(resume)
  const uid = pathname.split('/').at(-1) ?? ''
  const spellings = [resume, `${resume}/`, `${origin}/AUTH/${uid}`, `${origin}/Auth/${uid}/`, `${resume}?code=x`]
  for (const address of spellings) {
    const own = new UserAgent(stage.issuer, { cookies: attacker.cookies.copy() })
    const cookie = own.cookies.header(new URL(resume))
    const answer = await own.send('GET', address, cookie === undefined ? {} : { headers: { cookie } })
    expect(answer.headers.location ?? '').not.toContain('code=')
    expect(await stage.isSignedIn(own, stage.victim)).toBe(false)
    const walked = await new UserAgent(stage.issuer, { cookies: attacker.cookies.copy() }).visit(address)
    expect(codeIn(walked)).toBeNull()
  }
  for (const { left, url } of [await attacker.visit(resume)]) expect([left, url.origin]).toEqual([false, stage.issuer])
  expect(await stage.isSignedIn(attacker, stage.victim)).toBe(false)
}

type Signing = [string, () => Promise<Trap>, (trap: Trap) => Promise<{ status: number; location: string }>]

async function signedInVictim(): Promise<UserAgent> {
  const victim = stage.browser()
  await signIn(victim, stage.app.start().url, stage.victim)
  return victim
}

async function victimBesideAttackersAccount(): Promise<UserAgent> {
  const victim = stage.browser()
  await signIn(victim, stage.app.start().url, stage.attacker)
  return victim
}

const ways: Signing[] = [
  [
    'signs in with a password',
    () => setTrap(),
    ({ victim, page }) => pressOnly(victim, page, '#sign-in', typed(stage.victim)),
  ],
  [
    'continues with the account that is signed in',
    async () => setTrap({ victim: await signedInVictim(), start: { prompt: 'select_account' } }),
    ({ victim, page }) => pressOnly(victim, page, '#continue'),
  ],
  [
    'signs in again because the app asks for it',
    async () => setTrap({ victim: await signedInVictim(), start: { prompt: 'login' } }),
    ({ victim, page }) => pressOnly(victim, page, '#sign-in', { password: stage.victim.password }),
  ],
  [
    'switches to their account from another one',
    async () => setTrap({ victim: await victimBesideAttackersAccount(), start: { prompt: 'login' } }),
    async ({ victim, page }) => {
      const choice = await victim.press(page, '#sign-in', typed(stage.victim))
      return pressOnly(victim, choice, '#switch')
    },
  ],
  [
    'signs in after the attacker proved an account of their own in the same sign-in',
    () =>
      setTrap({
        prepare: (attacker, page) => pressOnly(attacker, page, '#sign-in', typed(stage.attacker)),
      }),
    ({ victim, page }) => pressOnly(victim, page, '#sign-in', typed(stage.victim)),
  ],
  [
    'signs in after the attacker cancelled the same sign-in',
    () => setTrap({ prepare: (attacker, page) => pressOnly(attacker, page, '#cancel') }),
    ({ victim, page }) => pressOnly(victim, page, '#sign-in', typed(stage.victim)),
  ],
]

describe.each(ways)('when the victim %s under planted cookies', (_name, open, prove) => {
  test('the attacker gets neither code nor session before the victim’s own redirect', async () => {
    const trap = await open()
    const { status, location } = await prove(trap)
    expect([status, location]).toEqual([303, resumeOf(trap.page)])
    await expectNothingFor(trap.attacker, location)
  })

  test('the attacker gets neither code nor session in the minute after the victim’s own redirect', async () => {
    const trap = await open()
    const { location } = await prove(trap)
    await trap.victim.visit(location)
    await expectNothingFor(trap.attacker, location)
  })
})

test('the attacker gets nothing by a race against the victim’s own redirect', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { attacker, victim, page } = await setTrap()
    const { location } = await pressOnly(victim, page, '#sign-in', typed(stage.victim))
    const [stolen] = await Promise.all([attacker.visit(location), victim.visit(location)])
    expect(codeIn(stolen)).toBeNull()
    expect(await stage.isSignedIn(attacker, stage.victim)).toBe(false)
  }
})

test('the victim’s own browser goes on to the app after the attacker tried', async () => {
  const { attacker, victim, page } = await setTrap()
  const { location } = await pressOnly(victim, page, '#sign-in', typed(stage.victim))
  await attacker.visit(location)
  expect(codeIn(await victim.visit(location))).not.toBeNull()
  expect(await stage.isSignedIn(victim, stage.victim)).toBe(true)
})

describe('consent under cookies that were copied', () => {
  test('the attacker gets no code when the victim allows', async () => {
    const victim = stage.browser()
    const page = await signIn(victim, stage.guest.start().url, stage.victim)
    const attacker = stage.browser()
    for (const path of [page.url.pathname, new URL(resumeOf(page)).pathname]) {
      const cookies = victim.cookies.header(new URL(stage.url(path))) ?? ''
      const withoutSession = cookies.split('; ').filter((pair) => !pair.includes('claviger_session'))
      attacker.cookies.keep(
        new URL(stage.issuer),
        withoutSession.map((pair) => `${pair}; path=${path}`),
      )
    }
    const { location } = await pressOnly(victim, page, '#allow')
    await expectNothingFor(attacker, location)
    expect(codeIn(await victim.visit(location))).not.toBeNull()
    await expectNothingFor(attacker, location)
  })

  test('the victim’s session is no proof of an answer that was given in another browser', async () => {
    const { attacker, victim, page } = await setTrap({ victim: await signedInVictim(), start: { prompt: 'login' } })
    const { location } = await pressOnly(attacker, page, '#sign-in', typed(stage.attacker))
    const seen = await victim.visit(location)
    expect([seen.left, codeIn(seen)]).toEqual([false, null])
    expect(await stage.isSignedIn(victim, stage.victim)).toBe(true)
  })
})

test('an answer that made no proof goes nowhere: a new kind of question cannot forget it', async () => {
  const agent = stage.browser()
  const page = await agent.visit(stage.app.start().url)
  const [account] = await askDatabase<{ id: string }>(
    stage.provider.databaseUrl,
    'select id from accounts where email = $1',
    [stage.victim.email],
  )
  const login = { accountId: account?.id, amr: ['pwd'], acr: 'urn:claviger:acr:password', ts: 1 }
  for (const answer of [{ result: { login } }, { result: { login }, answeredBy: account?.id }]) {
    const changed = await askDatabase(
      stage.provider.databaseUrl,
      `update artifacts set payload = payload || $1::jsonb where model = $2 and id = sha256(convert_to($3, 'UTF8')) returning 1`,
      [JSON.stringify(answer), artifactModels.Interaction, page.url.pathname.split('/')[2]],
    )
    expect(changed).toHaveLength(1)
    expect(codeIn(await agent.visit(resumeOf(page)))).toBeNull()
    expect(await stage.isSignedIn(agent, stage.victim)).toBe(false)
  }
})

describe('on two nodes', () => {
  let second: Provider
  beforeAll(async () => {
    const { CLAVIGER_ISSUER = '', CLAVIGER_KEY_ENCRYPTION_KEY = '' } = stage.provider.env
    const database = { url: stage.provider.databaseUrl }
    second = await startProvider({ database, env: { CLAVIGER_ISSUER, CLAVIGER_KEY_ENCRYPTION_KEY } })
  }, 60_000)
  afterAll(() => second?.stop())

  const onSecond = (agent: UserAgent) =>
    new UserAgent(stage.issuer, { cookies: agent.cookies, port: () => second.port })

  test('a sign-in that was answered on one goes on at the other', async () => {
    const agent = stage.browser()
    const page = await agent.visit(stage.app.start().url)
    const { location } = await pressOnly(agent, page, '#sign-in', typed(stage.victim))
    expect(codeIn(await onSecond(agent).visit(location))).not.toBeNull()
  })

  test('the attacker gets nothing from either, before the victim’s own redirect and after it', async () => {
    const { attacker, victim, page } = await setTrap()
    const { location } = await pressOnly(victim, page, '#sign-in', typed(stage.victim))
    for (const agent of [onSecond(attacker), attacker]) expect(codeIn(await agent.visit(location))).toBeNull()
    expect(codeIn(await onSecond(victim).visit(location))).not.toBeNull()
    for (const agent of [onSecond(attacker), attacker]) expect(codeIn(await agent.visit(location))).toBeNull()
    expect(await stage.isSignedIn(attacker, stage.victim)).toBe(false)
  })
})
