/** A real WebKit (WebKitGTK), where this machine has one with its driver and a display to draw on, spoken to by WebDriver. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import type { Tab, TabBrowser } from './web-page.ts'

const libraries = '/usr/lib'

/** Path of the small browser that comes with the library. */
export function findWebkit(): string | undefined {
  const has = (program: string) => spawnSync('which', [program]).status === 0
  if (!existsSync(libraries) || !has('WebKitWebDriver') || !has('Xvfb')) return undefined
  return readdirSync(libraries)
    .flatMap((triple) =>
      ['4.1', '6.0', '4.0'].map((version) => join(libraries, triple, `webkit2gtk-${version}/MiniBrowser`)),
    )
    .find((path) => existsSync(path))
}

export async function openWebkit(binary: string): Promise<TabBrowser> {
  const { display, screen } = await startScreen()
  const port = await freePort()
  const env = {
    ...process.env,
    DISPLAY: display,
    // Its own sandbox asks for rights that a container does not give; what is tested is on this machine alone.
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
    // No page of ours has sound or film, and a first look at the plugins for them can take minutes.
    GST_PLUGIN_SYSTEM_PATH_1_0: '/nowhere',
  }
  const driver = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], { env, stdio: 'ignore' })
  const close = async () => {
    for (const child of [driver, screen]) await end(child)
  }
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      signal: AbortSignal.timeout(60_000),
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const { value } = (await answer.json()) as { value: unknown }
    if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(value)}`)
    return value
  }
  try {
    await eventually(() =>
      call('GET', '/status').then(
        () => true,
        () => undefined,
      ),
    )
    const options = { binary, args: ['--automation'] }
    const { sessionId } = (await call('POST', '/session', {
      capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } },
    })) as { sessionId: string }
    const session = `/session/${sessionId}`
    const [first] = (await call('GET', `${session}/window/handles`)) as string[]
    let isFirstTaken = false
    return {
      async newTab() {
        const { handle } = isFirstTaken
          ? ((await call('POST', `${session}/window/new`, { type: 'tab' })) as { handle: string })
          : { handle: first ?? '' }
        isFirstTaken = true
        return tabOf((path, body) => call('POST', `${session}${path}`, body), handle)
      },
      async close() {
        await call('DELETE', session).catch(() => undefined)
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

function tabOf(post: (path: string, body: object) => Promise<unknown>, handle: string): Tab {
  const here = () => post('/window', { handle })
  return {
    async goto(url) {
      await here()
      await post('/url', { url })
    },
    async evaluate(expression) {
      await here()
      return post('/execute/sync', { script: `return ${expression}`, args: [] })
    },
  }
}

/** A display of its own, of any number that is free. */
async function startScreen(): Promise<{ display: string; screen: ChildProcess }> {
  const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const said = screen.stdio[3] as NodeJS.ReadableStream
  for await (const number of said) return { display: `:${String(number).trim()}`, screen }
  throw new Error('no display came up')
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}
