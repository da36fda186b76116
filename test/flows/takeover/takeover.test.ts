/** A neighbour of the issuer plants cookies of a sign-in of its own; the victim signs in on the genuine page. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
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
