/**
 * A real Chromium for the tests that need one: real cookies, real CORS, real content policies. One a test file;
 * a person is one browser profile, and nothing is shared between two of them.
 */
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { findChromium } from './chromium-binary.ts'

/** Playwright's own switches stand beside these. Web security stays on: it is what is being tested. */
const switches = [
  // Nothing leaves this machine by itself.
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
  '--no-pings',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]',
  '--disable-gpu',
  '--disable-dev-shm-usage',
]

/** Older Chromiums insist on the two exceptions by name, newer ones have forgotten them. */
const cookieControls = {
  enableThirdPartyCookieRestriction: true,
  disableThirdPartyCookieMetadata: true,
  disableThirdPartyCookieHeuristics: true,
}

/** One person's browser: an empty cookie jar, third-party cookies blocked. */
export interface PersonsBrowser {
  context: BrowserContext
  newPage(): Promise<Page>
  close(): Promise<void>
}

export interface Chromium {
  person(options?: BrowserContextOptions): Promise<PersonsBrowser>
  /** One page in a browser of its own, which is closed afterwards whatever happens. */
  withPage(act: (page: Page, browser: PersonsBrowser) => Promise<void>): Promise<void>
  close(): Promise<void>
}

/** Starts Chromium; call it in `beforeAll` and `close()` in `afterAll`. */
export async function openChromium(): Promise<Chromium> {
  const binary = await findChromium()
  const browser: Browser = await chromium.launch({
    executablePath: binary.path,
    env: { ...process.env, ...binary.env },
    headless: true,
    chromiumSandbox: false,
    args: switches,
  })
  async function person(options: BrowserContextOptions = {}): Promise<PersonsBrowser> {
    const context = await browser.newContext({ locale: 'en-GB', ...options })
    context.setDefaultTimeout(15_000)
    return { context, newPage: () => newPage(context), close: () => context.close() }
  }
  return {
    person,
    async withPage(act) {
      const own = await person()
      try {
        await act(await own.newPage(), own)
      } finally {
        await own.close()
      }
    },
    close: () => browser.close(),
  }
}

async function newPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await blockThirdPartyCookies(context, page)
  return page
}

/** By the protocol, page by page: a headless Chromium heeds neither the switch nor the setting that people use. */
async function blockThirdPartyCookies(context: BrowserContext, page: Page): Promise<void> {
  const session = await context.newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.setCookieControls', cookieControls)
}
