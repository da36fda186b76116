/** README's "Ten lines to a login", typed line by line at a terminal, as a newcomer does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { shortestPassword } from '../../src/credentials/new-password.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { removeRunFolder } from '../harness/run-folder.ts'
import { signIn } from '../harness/sign-in.ts'
import { UserAgent } from '../harness/user-agent.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const section = /## Ten lines to a login\n([\s\S]*?)\n## /.exec(readme)?.[1] ?? ''
const block = /```sh\n([\s\S]*?)```/.exec(section)?.[1] ?? ''
const lines = block.split('\n').filter((line) => line.trim() !== '')
const link = /\]\((http:\/\/localhost:9400\/auth\?[^)\s]+)\)/.exec(section)?.[1] ?? ''
const password = 'nine unrelated herons'

const isDown = (issuer: string) =>
  fetch(`${issuer}/health/live`).then(
    () => undefined,
    () => true,
  )

// On Linux `script` is util-linux's, which runs one command at a terminal of its own. macOS has another.
const withTerminal = process.platform === 'linux' && existsSync('/usr/bin/script') ? describe : describe.skip

test('README has at most ten lines to a login, the first of which installs and the second of which starts', () => {
  expect(lines.length).toBeGreaterThan(4)
  expect(lines.length).toBeLessThanOrEqual(10)
  expect(lines[0]).toMatch(/^npm ci\b/)
  expect(lines[1]).toMatch(/^npm start\b/)
  // zsh takes no comments at its prompt.
  expect(block).not.toContain('#')
  expect(link).not.toBe('')
})

withTerminal('the ten lines of README', () => {
  let folder: string
  let issuer: string
  let shell: ChildProcess
  let shown: string

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'claviger-ten-lines-')))
    issuer = `http://localhost:${await freePort()}`
    shown = ''
    // The checkout without what it may have gathered: no data, no keys, no settings.
    for (const name of ['package.json', 'node_modules', 'packages', 'bin', 'src', 'db', 'views']) {
      await symlink(join(root, name), join(folder, name))
    }
    shell = spawn('/usr/bin/script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        TERM: 'dumb',
        // The exit code of the line before.
        PS1: '[$?] next> ',
        PS2: 'more> ',
        CLAVIGER_ISSUER: issuer,
        CLAVIGER_KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    shell.stdout?.setEncoding('utf8').on('data', (text: string) => (shown += text))
  })

  afterEach(async () => {
    // Ctrl-C leaves a question that was not answered. Then the shell ends its background job and waits for it.
    const from = shown.length
    shell.stdin?.write('\x03')
    await appears('next> ', from)
    shell.stdin?.write('kill %1; wait; exit\n')
    await once(shell, 'close')
    // npm ends before the server that it started does.
    expect(await eventually(() => isDown(issuer), { tries: 600, pauseMs: 100 })).toBe(true)
    await removeRunFolder(join(folder, 'data'))
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })

  /** What appears from `from` on, once the text is there. */
  const appears = async (text: string, from: number): Promise<string> => {
    const found = await eventually(() => (shown.slice(from).includes(text) ? shown.slice(from) : undefined), {
      tries: 600,
      pauseMs: 100,
    })
    if (found === undefined) throw new Error(`"${text}" did not appear:\n${shown}`)
    return found
  }

  /** Types one line, answers what it asks for, and returns what it showed once the shell asks for the next. */
  async function typed(line: string): Promise<string> {
    const from = shown.length
    shell.stdin?.write(`${line}\n`)
    if (line.endsWith('\\')) return appears('more> ', from)
    if (!/\b(admin create|users add)\b/.test(line)) return appears('next> ', from)
    for (const question of ['New password for', 'Repeat the password']) {
      await appears(question, from)
      shell.stdin?.write(`${password}\r`)
    }
    return appears('next> ', from)
  }

  test('end at a sign-in when they are typed one after the other, and each password question tells the least length', async () => {
    await appears('next> ', 0)
    for (const line of lines.slice(1)) {
      const answer = await typed(line.replaceAll('http://localhost:9400', issuer))
      expect(answer).toMatch(/\[0\] next> $|more> $/)
      if (answer.includes('New password for')) {
        expect(answer).toContain(`at least ${shortestPassword.alone} characters`)
        // Nothing of the server's log comes between.
        expect(answer).not.toContain('"level"')
      }
    }
    await eventually(() => fetch(`${issuer}/health/ready`).then(({ ok }) => ok || undefined), {
      tries: 600,
      pauseMs: 100,
    })
    const url = new URL(link.replaceAll('http://localhost:9400', issuer))
    const page = await signIn(new UserAgent(issuer), url, { email: 'ada@example.org', password })
    expect(page.url.pathname).toBe('/account')
    expect(page.text).toContain('ada@example.org')
  })
})
