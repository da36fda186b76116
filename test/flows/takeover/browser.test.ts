/** The attack in a real Chromium over TLS: a neighbouring subdomain sets the cookies of a sign-in of its own. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Chromium, openChromium, type PersonsBrowser } from '../../harness/chromium.ts'
import { freePort } from '../../harness/free-port.ts'
import { hasOpenssl, openTlsFront, type TlsFront } from '../../harness/tls-front.ts'
import type { UserAgent } from '../../harness/user-agent.ts'
import { codeIn, openStage, pressOnly, type Stage, typed } from './stage.ts'

const domain = 'example.localhost'
const host = `id.${domain}`

const isPossible = hasOpenssl()
const where = isPossible ? test : test.skip
const why = isPossible ? '' : ' (skipped: there is no openssl here)'

describe('at an https issuer with a hostile neighbour', () => {
  let stage: Stage
  let chromium: Chromium
  let front: TlsFront
  let neighbour: string

  beforeAll(async () => {
    if (!isPossible) return
    const port = await freePort()
    ;[stage, chromium] = await Promise.all([openStage(`https://${host}:${port}`), openChromium()])
    front = await openTlsFront(port, host, () => stage.provider.port)
    neighbour = `https://evil.${domain}:${port}/`
  }, 60_000)

  afterAll(async () => {
    await chromium?.close()
    await front?.close()
    await stage?.close()
  })

  async function withVictim(act: (browser: PersonsBrowser) => Promise<void>): Promise<void> {
    const browser = await chromium.person({ javaScriptEnabled: false, ignoreHTTPSErrors: true })
    try {
      await act(browser)
    } finally {
      await browser.close()
    }
  }

  /** The attacker's cookies for these addresses, as a neighbour sets them for the whole domain. */
  function plant(attacker: UserAgent, addresses: readonly string[]): void {
    front.planted = addresses.flatMap((address) => {
      const { pathname: path } = new URL(address)
      const pairs = attacker.cookies.header(new URL(address))?.split('; ') ?? []
      return pairs.flatMap((pair) =>
        pair.startsWith('__Host-')
          ? [`${pair}; Domain=${domain}; Path=/; Secure`, `${pair}; Path=/; Secure`]
          : [`${pair}; Domain=${domain}; Path=${path}; Secure`],
      )
    })
  }

  const resumeOf = (address: string) => stage.url(`/auth/${new URL(address).pathname.split('/')[2]}`)

  where(`the attacker gets neither code nor session, before the victim’s redirect and after it${why}`, () =>
    withVictim(async (browser) => {
      const attacker = stage.browser()
      const began = await attacker.visit(stage.app.start().url)
      const resume = resumeOf(began.url.href)
      plant(attacker, [began.url.href, resume])
      let early: string | null = 'not tried'
      front.before = async (path) => {
        if (early === 'not tried' && resume.endsWith(path) && path !== '/') early = codeIn(await attacker.visit(resume))
      }

      const page = await browser.newPage()
      await page.goto(neighbour)
      await page.goto(began.url.href)
      expect((await page.textContent('h1'))?.trim()).toBe('Sign in')
      await page.fill('input[name="login"]', stage.victim.email)
      await page.fill('input[name="password"]', stage.victim.password)
      const sent = page.waitForRequest((request) => request.url().startsWith('https://app.example/callback'))
      await page.click('#sign-in').catch(() => undefined) // the app itself cannot be reached from here
      expect(new URL((await sent).url()).searchParams.get('code')).not.toBeNull()

      expect(early).toBeNull()
      expect(codeIn(await attacker.visit(resume))).toBeNull()
      expect(await stage.isSignedIn(attacker, stage.victim)).toBe(false)
      const proof = (await browser.context.cookies(stage.issuer)).find(({ name }) => name.includes('claviger_proof'))
      expect(proof).toMatchObject({ domain: host, path: '/', secure: true, httpOnly: true, sameSite: 'Lax' })
      expect(proof?.name).toMatch(/^__Host-/)
    }),
  )

  where(`the victim is not signed in as the attacker by a sign-in that the attacker has answered${why}`, () =>
    withVictim(async (browser) => {
      front.before = async () => {}
      const attacker = stage.browser()
      const began = await attacker.visit(stage.app.start().url)
      const resume = resumeOf(began.url.href)
      await pressOnly(attacker, began, '#sign-in', typed(stage.attacker))
      expect(attacker.cookies.names().some((name) => name.startsWith('__Host-claviger_proof'))).toBe(true)
      plant(attacker, [began.url.href, resume])

      const page = await browser.newPage()
      await page.goto(neighbour)
      const planted = await browser.context.cookies([began.url.href, resume])
      expect(planted.map(({ name }) => name)).toContain('__Secure-claviger_resume')
      expect(planted.filter(({ name }) => name.startsWith('__Host-'))).toEqual([])
      await page.goto(resume)
      expect(page.url()).toBe(resume)
      await page.goto(stage.url('/account'))
      expect(await page.content()).not.toContain(stage.attacker.email)
    }),
  )
})
