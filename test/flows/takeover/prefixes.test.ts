/** What a neighbour can plant depends on the issuer's address; what an attacker gains by it does not. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { artifactModels } from '../../../src/storage/protocol/artifact-models.ts'
import { askDatabase, letTimePass } from '../../harness/later.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { codeIn, openStage, pressOnly, proofCookie, type Stage, typed } from './stage.ts'

const issuers: [string, string][] = [
  ['at the root of an https host', 'https://id.example'],
  ['on a path of an https host', 'https://id.example/tenant/a'],
]

describe.each(issuers)('an issuer %s', (_where, issuer) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage(issuer)
  }, 60_000)
  afterAll(() => stage?.close())

  const resumeOf = (path: string) => stage.url(`/auth/${path.split('/').at(-1)}`)

  test('gives neither code nor session to an attacker whose cookies were planted', async () => {
    const [attacker, victim] = [stage.browser(), stage.browser()]
    const began = await attacker.visit(stage.app.start().url)
    victim.cookies.plant(attacker.cookies)
    const page = await victim.visit(began.url)
    const { location } = await pressOnly(victim, page, '#sign-in', typed(stage.victim))
    expect(codeIn(await attacker.visit(location))).toBeNull()
    expect(codeIn(await victim.visit(location))).not.toBeNull()
    expect(codeIn(await attacker.visit(location))).toBeNull()
    expect(await stage.isSignedIn(attacker, stage.victim)).toBe(false)
  })

  test('sets the proof of a sign-in in a cookie for this host alone, which ends within minutes', async () => {
    const agent = stage.browser()
    const page = await agent.visit(stage.app.start().url)
    await pressOnly(agent, page, '#sign-in', typed(stage.victim))
    expect(agent.cookies.header(new URL(resumeOf(page.url.pathname)))).toMatch(proofCookie)
  })
})

describe('an issuer at the root of an https host, where a neighbour sets no __Host- cookie', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage('https://id.example')
  }, 60_000)
  afterAll(() => stage?.close())

  test('does not sign a person in as an attacker who plants a sign-in that they have answered themselves', async () => {
    const [attacker, victim] = [stage.browser(), stage.browser()]
    const page = await attacker.visit(stage.app.start().url)
    const { location } = await pressOnly(attacker, page, '#sign-in', typed(stage.attacker))
    victim.cookies.plant(attacker.cookies)
    const seen = await victim.visit(location)
    expect([seen.left, codeIn(seen)]).toEqual([false, null])
    expect(await stage.isSignedIn(victim, stage.attacker)).toBe(false)
    expect(codeIn(await attacker.visit(location))).not.toBeNull()
    expect((await victim.visit(location)).left).toBe(false)
    expect(await stage.isSignedIn(victim, stage.attacker)).toBe(false)
  })

  test('names the cookie __Host-, with Path=/ and Secure', async () => {
    const agent = stage.browser()
    const page = await agent.visit(stage.app.start().url)
    const lines: string[] = []
    const keep = agent.cookies.keep.bind(agent.cookies)
    agent.cookies.keep = (url, given) => {
      lines.push(...given)
      keep(url, given)
    }
    await pressOnly(agent, page, '#sign-in', typed(stage.victim))
    const line = lines.find((one) => one.includes('claviger_proof'))
    expect(line).toMatch(
      /^__Host-claviger_proof_[\w-]{11}=[\w-]{43}; path=\/; expires=[^;]+; samesite=lax; secure; httponly$/,
    )
  })
})

describe('a proof that is not this browser’s own', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage()
  }, 60_000)
  afterAll(() => stage?.close())

  async function begin(agent = stage.browser()) {
    const page = await agent.visit(stage.app.start().url)
    const resume = stage.url(`/auth/${page.url.pathname.split('/')[2]}`)
    const cookiesFor = (of: UserAgent) => of.cookies.header(new URL(resume)) ?? ''
    return { agent, page, resume, cookiesFor }
  }

  test('is worth nothing when it was made for another sign-in, under whatever name', async () => {
    const other = await begin()
    await pressOnly(other.agent, other.page, '#sign-in', typed(stage.victim))
    const [, secret = ''] = proofCookie.exec(other.cookiesFor(other.agent))?.[0]?.split('=') ?? []
    expect(secret).toHaveLength(43)

    const { agent, page, resume, cookiesFor } = await begin()
    const thief = new UserAgent(stage.issuer, { cookies: agent.cookies.copy() })
    await pressOnly(agent, page, '#sign-in', typed(stage.victim))
    const name = proofCookie.exec(cookiesFor(agent))?.[0]?.split('=')[0]
    const cookie = `${cookiesFor(thief)}; ${name}=${secret}`
    const answer = await thief.send('GET', resume, { headers: { cookie } })
    expect([answer.status, answer.headers.location]).toEqual([400, undefined])
  })

  test('is worth nothing when it was planted before the person signed in: each answer makes a new one', async () => {
    const { agent, page, resume, cookiesFor } = await begin()
    const victim = stage.browser()
    await pressOnly(agent, page, '#sign-in', typed(stage.attacker))
    victim.cookies.plant(agent.cookies)
    const { location } = await pressOnly(victim, await victim.visit(page.url), '#sign-in', typed(stage.victim))
    const proofs = [...cookiesFor(victim).matchAll(new RegExp(proofCookie, 'g'))].map(([pair]) => pair)
    expect(new Set(proofs).size).toBe(2)
    expect(location).toBe(resume)
    expect(codeIn(await agent.visit(resume))).toBeNull()
    expect(codeIn(await victim.visit(resume))).not.toBeNull()
  })

  test.each([
    ['garbage', () => 'x'],
    ['a value of the right form', () => 'A'.repeat(43)],
    ['very long', () => 'A'.repeat(4000)],
    ['many of one name', (name: string) => Array.from({ length: 50 }, () => `y; ${name}=${'A'.repeat(43)}`).join('; ')],
  ])('opens nothing and breaks nothing: %s', async (_what, made) => {
    const { agent, page, resume, cookiesFor } = await begin()
    const thief = new UserAgent(stage.issuer, { cookies: agent.cookies.copy() })
    await pressOnly(agent, page, '#sign-in', typed(stage.victim))
    const name = proofCookie.exec(cookiesFor(agent))?.[0]?.split('=')[0] ?? ''
    const cookie = `${cookiesFor(thief)}; ${name}=${made(name)}`
    const answer = await thief.send('GET', resume, { headers: { cookie } })
    expect([answer.status, answer.headers.location]).toEqual([400, undefined])
    expect(codeIn(await agent.visit(resume))).not.toBeNull()
  })

  test('is worth nothing two minutes after it was made', async () => {
    const { agent, page, resume } = await begin()
    await pressOnly(agent, page, '#sign-in', typed(stage.victim))
    await letTimePass(stage.provider.databaseUrl, 121, { models: [artifactModels.InteractionProof] })
    expect(codeIn(await agent.visit(resume))).toBeNull()
    const shown = await agent.visit(page.url)
    expect(codeIn(await agent.press(shown, '#sign-in', typed(stage.victim)))).not.toBeNull()
  })

  test('rests in the database as a digest', async () => {
    const { agent, page, cookiesFor } = await begin()
    await pressOnly(agent, page, '#sign-in', typed(stage.victim))
    const [, secret = ''] = proofCookie.exec(cookiesFor(agent))?.[0]?.split('=') ?? []
    const rows = await askDatabase<{ all: string }>(
      stage.provider.databaseUrl,
      `select string_agg(a::text, ' ') as all from artifacts a`,
    )
    expect(rows[0]?.all).toContain(createHash('sha256').update(secret).digest('hex'))
    expect(rows[0]?.all).not.toContain(secret)
  })
})
