/** A real Firefox, where this machine has one, spoken to by WebDriver BiDi, which it knows by itself. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Tab, TabBrowser } from './web-page.ts'

const programs = ['firefox', 'firefox-esr']

export const findFirefox = (): string | undefined =>
  programs.find((program) => spawnSync(program, ['--version'], { timeout: 20_000 }).status === 0)

/** Third-party cookies blocked, and nothing leaves this machine. */
const preferences = {
  'network.cookie.cookieBehavior': 1,
  'network.proxy.type': 2,
  'network.proxy.autoconfig_url':
    "data:text/plain,function FindProxyForURL(u,h){return h==='localhost'||h==='127.0.0.1'?'DIRECT':'PROXY 127.0.0.1:9'}",
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.enabled': false,
  'intl.accept_languages': 'en-GB',
}

interface Answer {
  id?: number
  type: 'success' | 'error' | 'event'
  result?: Record<string, unknown>
  message?: string
}

class BidiSession {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #lastId = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer
      this.#waiting.get(answer.id ?? -1)?.(answer)
    })
  }

  static async open(address: string): Promise<BidiSession> {
    const socket = new WebSocket(`${address}/session`)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', () => reject(new Error('Firefox takes no connection')))
    })
    const session = new BidiSession(socket)
    await session.call('session.new', { capabilities: {} })
    return session
  }

  async call(method: string, params: object): Promise<Record<string, unknown>> {
    this.#lastId += 1
    const id = this.#lastId
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params }))
    const { type, result = {}, message } = await answered
    this.#waiting.delete(id)
    if (type === 'error') throw new Error(`${method}: ${message}`)
    return result
  }

  close(): void {
    this.#socket.close()
  }
}

export async function openFirefox(program: string): Promise<TabBrowser> {
  const profile = await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'firefox-'))
  const lines = Object.entries(preferences).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  )
  await writeFile(join(profile, 'user.js'), lines.join('\n'))
  const child = spawn(program, ['--headless', '--no-remote', '--remote-debugging-port=0', '--profile', profile], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const session = await BidiSession.open(await addressOf(child))
  return {
    async newTab() {
      const { context } = await session.call('browsingContext.create', { type: 'tab' })
      return tabOf(session, String(context))
    },
    async close() {
      await session.call('browser.close', {}).catch(() => undefined)
      session.close()
      const gone = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null) child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await gone
      await rm(profile, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

async function addressOf({ stderr }: ChildProcess): Promise<string> {
  if (!stderr) throw new Error('Firefox was started without a way to speak')
  for await (const line of createInterface({ input: stderr })) {
    const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? []
    if (address) {
      stderr.resume()
      return address
    }
  }
  throw new Error('Firefox ended before it listened')
}

const tabOf = (session: BidiSession, context: string): Tab => ({
  async goto(url) {
    await session.call('browsingContext.navigate', { context, url, wait: 'complete' })
  },
  async evaluate(expression) {
    const answer = await session.call('script.evaluate', {
      expression,
      target: { context },
      awaitPromise: false,
    })
    if (answer['type'] === 'exception') throw new Error(`the page threw at ${expression}`)
    return (answer['result'] as { value?: unknown }).value
  },
})
