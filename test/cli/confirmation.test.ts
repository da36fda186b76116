/** A command that cannot be undone asks on a terminal, and needs `--yes` without one. */

import { describe, expect, test } from '@jest/globals'
import { Command } from 'commander'
import type { Desk } from '../../src/cli/desk.ts'
import type { Invocation } from '../../src/cli/invocation.ts'
import { nouns } from '../../src/cli/nouns.ts'
import { run } from './run-in-process.ts'
import { StandInDesk } from './stand-in-desk.ts'

/** Commands that cannot be undone, with arguments that name what the desk has. */
const final: Record<string, string[]> = {
  'users remove': ['ada@example.org'],
  'users sign-out': ['ada@example.org'],
  'sessions end': ['session-1'],
  'clients remove': ['shop'],
  'clients rotate-secret': ['shop', '--overlap', '0'],
  'apis remove': ['https://old.example.org'],
  'streams remove': ['stream-1'],
  'keys remove': ['key-old'],
  'keys revoke': ['key-now', '--compromised'],
  'secrets rotate': [],
  'tokens revoke': ['--all'],
}

/** Commands that read, add, can be undone by another command, or ask for a new secret, which confirms the intention. */
const harmless = `
start signer migrate doctor
config show
admin create, admin reset, admin unlock
users add, users import, users list, users show, users disable, users enable, users set-password, users set
sessions list, sessions show
clients add, clients check, clients explain, clients list, clients list-changes, clients preview, clients set, clients show
apis add, apis list, apis set, apis credentials
streams list, streams show
tokens inspect
keys canary, keys export, keys import, keys list, keys rotate, keys schedule, keys switch-off
events list, events follow
`
const judged = new Set([
  ...Object.keys(final),
  ...harmless
    .split('\n')
    .flatMap((line) => (line.includes(',') || line.split(' ').length === 2 ? line.split(', ') : line.split(' '))),
])

async function leaves(): Promise<Map<string, Command>> {
  const found = new Map<string, Command>()
  const visit = (command: Command, path: string) => {
    if (command.commands.length === 0) found.set(path, command)
    for (const child of command.commands) visit(child, `${path} ${child.name()}`)
  }
  for (const noun of nouns) {
    const command = new Command(noun.name)
    const add = await noun.load()
    add(command, { printer: {}, env: {} } as unknown as Invocation)
    visit(command, noun.name)
  }
  return found
}

async function furnishedDesk(): Promise<StandInDesk> {
  const desk = new StandInDesk()
  for (const args of [
    ['users', 'add', 'ada@example.org'],
    ['apis', 'add', 'https://api.example.org'],
    ['clients', 'add', '--preset', 'service', '--name', 'Shop', '--id', 'shop', '--api', 'https://api.example.org'],
    ['apis', 'add', 'https://old.example.org'],
  ]) {
    expect(await run(args, { desk })).toMatchObject({ code: 0 })
  }
  return desk
}

/** Records every call on the desk that changes something. */
function watched(desk: Desk, changes: string[], path = ''): Desk {
  return new Proxy(desk, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value === 'function') {
        const isChange = /^(remove|end|revoke|rotate|signOut|record$|set|insert|update)/.test(String(name))
        return (...args: unknown[]) => {
          if (isChange) changes.push(`${path}${String(name)}`)
          return (value as (...args: unknown[]) => unknown).apply(target, args)
        }
      }
      const isRoom = typeof value === 'object' && value !== null && path === '' && name !== 'config'
      return isRoom ? watched(value as Desk, changes, `${String(name)}.`) : value
    },
  })
}

test('every command is listed here as final or harmless', async () => {
  expect([...(await leaves()).keys()].filter((path) => !judged.has(path))).toEqual([])
})

describe('without a terminal', () => {
  test.each(Object.entries(final))(
    'claviger %s changes nothing without --yes, and names the option',
    async (path, args) => {
      const changes: string[] = []
      const desk = watched(await furnishedDesk(), changes)
      const refused = await run([...path.split(' '), ...args], { desk })
      expect(refused).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/cannot be undone.*\n.*--yes/),
      })
      expect(changes).toEqual([])
      expect((await leaves()).get(path)?.options.map(({ long }) => long)).toEqual(
        expect.arrayContaining(['--yes', '--dry-run']),
      )
    },
  )

  test.each(['--sub ada@example.org', '--sid session-1', '--client shop'])(
    'claviger tokens revoke %s needs --yes, since it revokes more than one token',
    async (target) => {
      const { code } = await run(['tokens', 'revoke', ...target.split(' ')], { desk: await furnishedDesk() })
      expect(code).toBe(2)
    },
  )

  test('claviger clients rotate-secret needs no --yes with an overlap', async () => {
    const args = ['clients', 'rotate-secret', 'shop', '--overlap', '1m']
    expect(await run(args, { desk: await furnishedDesk() })).toMatchObject({ code: 0 })
  })
})

describe('a password from stdin', () => {
  const add = (stdin: string) =>
    run(['users', 'add', 'eve@example.org', '--password-stdin'], { desk: new StandInDesk(), stdin })

  test.each([
    ['one line end', 'a quiet lighthouse keeper\n'],
    ['one Windows line end', 'a quiet lighthouse keeper\r\n'],
    ['no line end', 'a quiet lighthouse keeper'],
  ])('is stored without its line end when it has %s', async (_, stdin) => {
    const desk = new StandInDesk()
    expect(await run(['users', 'add', 'eve@example.org', '--password-stdin'], { desk, stdin })).toMatchObject({
      code: 0,
    })
    const plain = new StandInDesk()
    await run(['users', 'add', 'eve@example.org', '--password-stdin'], {
      desk: plain,
      stdin: 'a quiet lighthouse keeper',
    })
    expect([...desk.hashes.values()]).toEqual([...plain.hashes.values()])
  })

  test.each([
    ['a second line end', 'a quiet lighthouse keeper\n\n', /more than one line/],
    ['a carriage return alone', 'a quiet lighthouse keeper\r', /more than one line/],
    ['a second line', 'a quiet lighthouse keeper\nand more\n', /more than one line/],
    ['a tab', 'a quiet\tlighthouse keeper\n', /control characters/],
    ['an escape sequence', 'a quiet \u001b[31mlighthouse keeper\n', /control characters/],
    ['a NUL', 'a quiet lighthouse keeper\0\n', /control characters/],
  ])('is refused and not stored when it has %s', async (_, stdin, words) => {
    const { code, stderr } = await add(stdin)
    expect(code).toBe(2)
    expect(stderr).toMatch(words)
    expect(stderr).not.toContain('lighthouse')
  })
})

test('a client secret from stdin with a second line is refused', async () => {
  const args = ['clients', 'add', '--preset', 'service', '--name', 'Job', '--secret-stdin']
  const { code, stderr } = await run(args, { desk: new StandInDesk(), stdin: `${'s3cret-'.repeat(8)}\n\n` })
  expect(code).toBe(2)
  expect(stderr).toMatch(/client secret from stdin is more than one line/)
})
