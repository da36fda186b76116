import { describe, expect, test } from '@jest/globals'
import { nouns } from '../../src/cli/nouns.ts'
import { run } from './run-in-process.ts'
import { StandInDesk } from './stand-in-desk.ts'

/** The words of every command, such as `users add`, read from the help. */
async function commands(): Promise<string[][]> {
  const desk = new StandInDesk()
  const found: string[][] = []
  for (const { name } of nouns) {
    const { stdout } = await run([name, '--help'], { desk })
    const [, listed = ''] = stdout.split('Commands:')
    const verbs = [...(listed.split('Example:')[0] ?? '').matchAll(/^ {2}([a-z][a-z-]+)/gm)].map(
      ([, verb]) => verb ?? '',
    )
    found.push(...(verbs.length > 0 ? verbs.map((verb) => [name, verb]) : [[name]]))
  }
  return found
}

describe('an id that begins with a dash', () => {
  test.each([
    [['sessions', 'show', '-32xVXeFxIVr6Pyv8mnkhTJNJoaPFsxVcBHb3v4QOlV', '--json']],
    [['sessions', 'show', '--json', '--2xVXeFxIVr6Pyv8mnkhTJNJoaPFsxVcBHb3v4QOlV']],
    [['streams', 'show', '-KyJn96kDJvZWZRn3lEVEw']],
    [['keys', 'revoke', '-32xVXeFxIVr6Pyv8mnkhTJNJoaPFsxVcBHb3v4QOlV', '--compromised', '--yes']],
  ])('is not parsed as an option in %j', async (argv) => {
    const { code, stderr } = await run(argv, { desk: new StandInDesk() })
    expect(stderr).not.toContain('unknown option')
    expect(code).toBe(1) // the id is unknown
  })
})

describe('the command line', () => {
  test('has the commands that other programs rely on', async () => {
    const known = (await commands()).map((words) => words.join(' '))
    const promised = [
      'start',
      'migrate',
      'doctor',
      'admin create',
      'admin reset',
      'admin unlock',
      'users add',
      'users list',
      'users show',
      'users set',
      'users disable',
      'users enable',
      'users set-password',
      'users sign-out',
      'users remove',
      'apis add',
      'apis list',
      'apis set',
      'apis remove',
      'clients add',
      'clients list',
      'clients show',
      'clients set',
      'clients rotate-secret',
      'clients remove',
      'clients check',
      'keys list',
      'keys rotate',
      'keys schedule',
      'keys revoke',
      'keys remove',
      'keys import',
      'keys export',
      'sessions list',
      'sessions end',
      'streams list',
      'streams show',
      'streams remove',
      'events list',
      'events follow',
      'config show',
    ]
    expect(promised.filter((command) => !known.includes(command))).toEqual([])
  })

  test('shows help with an example for every command, and exits 0', async () => {
    const desk = new StandInDesk()
    for (const words of await commands()) {
      const { stdout, code } = await run([...words, '--help'], { desk })
      expect(`${code} ${stdout}`).toMatch(/^0 Usage: claviger /)
      expect(stdout).toContain(`Example:\n  `)
      expect(stdout).toContain(`claviger ${words.join(' ')}`)
    }
  })

  test('shows an example of each of its commands in the help of a noun', async () => {
    const desk = new StandInDesk()
    const verbs = await commands()
    for (const { name } of nouns) {
      const { stdout } = await run([name, '--help'], { desk })
      const [, examples = ''] = stdout.split('Example:\n')
      const own = verbs.filter(([noun]) => noun === name).map((words) => words.join(' '))
      expect(own.filter((command) => !examples.includes(`claviger ${command}`))).toEqual([])
    }
  })

  test('offers --json on every command that prints data', async () => {
    const desk = new StandInDesk()
    for (const words of await commands()) {
      if (words[0] === 'start' || words[0] === 'signer') continue
      expect(`${words.join(' ')}: ${(await run([...words, '--help'], { desk })).stdout}`).toContain('--json')
    }
  })

  test('takes no secret as an argument', async () => {
    const desk = new StandInDesk()
    for (const words of await commands()) {
      const { stdout } = await run([...words, '--help'], { desk })
      const takingText = [...stdout.matchAll(/--[a-z-]*(?:password|secret|key)[a-z-]*(?: <(\w+)>)?/g)].map(
        ([, value]) => value,
      )
      expect(takingText.every((value) => value === undefined || value === 'path')).toBe(true)
    }
  })

  test('closes the desk after a command that fails', async () => {
    const desk = new StandInDesk()
    await run(['users', 'show', 'nobody@example.org'], { desk })
    expect(desk.closed).toBe(1)
  })

  test('names an outdated schema when a query fails because of it', async () => {
    const desk = new StandInDesk()
    desk.accounts.list = () =>
      Promise.reject(Object.assign(new Error('relation "accounts" does not exist'), { code: '42P01' }))
    expect(await run(['users', 'list'], { desk })).toMatchObject({
      code: 1,
      stderr:
        "claviger: The database schema is not up to date.\nhint: not applied: 000001-foundation\nhint: 'claviger migrate' applies them\n",
    })
  })

  test('prints colours only on a terminal without NO_COLOR', async () => {
    const desk = new StandInDesk()
    const escapeSequence = '\u001b['
    expect((await run(['keys', 'list'], { desk })).stdout).not.toContain(escapeSequence)
    expect((await run(['keys', 'list'], { desk, tty: true })).stdout).toContain(escapeSequence)
    expect((await run(['keys', 'list'], { desk, tty: true, env: { NO_COLOR: '1' } })).stdout).not.toContain(
      escapeSequence,
    )
  })

  test.each([['users', 'list', '--json'], ['config', 'show', '--json'], ['start']])(
    'warns of an unknown CLAVIGER_* variable on stderr and names the nearest option in %s',
    async (...argv) => {
      const { stdout, stderr, code } = await run(argv, {
        desk: new StandInDesk(),
        env: { CLAVIGER_ISSUR: 'https://s3cret.example' },
      })
      expect(stderr).toContain(
        'warning: CLAVIGER_ISSUR is no option and has no effect; did you mean CLAVIGER_ISSUER?\n',
      )
      expect(`${stdout}${stderr}`).not.toContain('s3cret')
      expect(code).toBe(0)
    },
  )

  test('reports an unknown CLAVIGER_* variable in the doctor', async () => {
    const { stdout } = await run(['doctor', '--json'], { desk: new StandInDesk(), env: { CLAVIGER_ISSUR: 'x' } })
    expect(JSON.parse(stdout).checks).toContainEqual(
      expect.objectContaining({ name: 'configuration', outcome: 'warning', found: expect.stringContaining('ISSUR') }),
    )
  })

  test('prints hints with the program as it was called', async () => {
    const desk = new StandInDesk()
    const { stderr } = await run(['users', 'list'], {
      desk,
      env: { npm_lifecycle_event: 'claviger', npm_package_name: 'claviger' },
    })
    expect(stderr).toContain('Next: npm run claviger -- users add')
  })

  test('never prints or records a password', async () => {
    const desk = new StandInDesk()
    const password = 'a quiet lighthouse keeper'
    const { stdout, stderr } = await run(['users', 'add', 'ada@example.org', '--password-stdin'], {
      desk,
      stdin: `${password}\n`,
    })
    const recorded = JSON.stringify(desk.entries, (_name, value) => (typeof value === 'bigint' ? String(value) : value))
    expect(`${stdout}${stderr}${recorded}`).not.toContain(password)
    expect([...desk.hashes.values()]).toEqual([`$plain$${password}`])
  })

  test('adds no person when the password is refused', async () => {
    const desk = new StandInDesk()
    await run(['admin', 'create', 'ada@example.org', '--password-stdin'], { desk, stdin: 'ada@example.org' })
    expect(desk.people.size).toBe(0)
  })

  test('refuses a password that is not UTF-8 or far too long', async () => {
    const desk = new StandInDesk()
    const add = (stdin: Uint8Array) => run(['users', 'add', 'ada@example.org', '--password-stdin'], { desk, stdin })
    expect(await add(Buffer.from([0xff, 0xfe, 0x61]))).toMatchObject({
      code: 2,
      stderr: 'claviger: The password from stdin is not UTF-8 text.\n',
    })
    expect(await add(Buffer.alloc(1_000_000, 'a'))).toMatchObject({
      code: 2,
      stderr: 'claviger: The text from stdin is too long for a password.\n',
    })
  })
})
