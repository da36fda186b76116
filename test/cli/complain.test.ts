import { describe, expect, test } from '@jest/globals'
import { complain } from '../../src/cli/complain.ts'
import { Failure } from '../../src/errors/failure.ts'

const outcomeOf = (thrown: unknown, env: NodeJS.ProcessEnv = {}) => {
  let stderr = ''
  const code = complain(thrown, { stderr: { write: (text) => (stderr += text) }, env })
  return { code, stderr }
}

describe('a failure at the command line', () => {
  test.each([
    ['invalid', 2],
    ['missing', 1],
    ['conflict', 1],
    ['denied', 1],
    ['throttled', 1],
    ['unavailable', 1],
  ] as const)('of kind %s exits with %d', (kind, code) => {
    expect(outcomeOf(new Failure('some_code', kind, 'A sentence.'))).toEqual({
      code,
      stderr: 'claviger: A sentence.\n',
    })
  })

  test('of the configuration exits with 1, with a line for each fault', () => {
    const faults = ['CLAVIGER_PORT must be a port', 'CLAVIGER_ISSUER must be a URL']
    const failure = new Failure(
      'config_invalid',
      'invalid',
      `The configuration is wrong:\n- ${faults[0]}\n- ${faults[1]}`,
      { detail: { faults } },
    )
    expect(outcomeOf(failure)).toEqual({
      code: 1,
      stderr:
        'claviger: The configuration is wrong\nhint: CLAVIGER_PORT must be a port\nhint: CLAVIGER_ISSUER must be a URL\n',
    })
  })

  test('prints each fault on its own line, once', () => {
    const failure = new Failure('account_invalid', 'invalid', 'email is empty.', {
      detail: { faults: ['email is empty'] },
    })
    expect(outcomeOf(failure).stderr).toBe('claviger: email is empty.\n')
  })

  test('prints the reason, then the hints', () => {
    const failure = new Failure('database_unavailable', 'unavailable', 'The database cannot be reached right now.', {
      detail: { reason: 'Postgres at db:5432: refused', hints: ['Start it.'] },
    })
    expect(outcomeOf(failure).stderr).toBe(
      'claviger: The database cannot be reached right now.\nreason: Postgres at db:5432: refused\nhint: Start it.\n',
    )
  })

  test('never forges a line or moves the cursor', () => {
    expect(outcomeOf(new Failure('x', 'missing', 'no \u001b[2J"a\u0007"')).stderr).toBe(
      'claviger: no \\u001b[2J"a\\u0007"\n',
    )
  })
})

describe('an unexpected error', () => {
  const bug = Object.assign(new TypeError('secret value 42 is not a function'), { code: 'E_ODD' })

  test('is printed without stack, message or cause', () => {
    const { code, stderr } = outcomeOf(bug)
    expect(code).toBe(1)
    expect(stderr).toBe(
      'claviger: unexpected error (TypeError E_ODD)\nhint: run the command again with CLAVIGER_LOG_LEVEL=debug to see where it failed\n',
    )
  })

  test('is printed with its stack at log level debug', () => {
    expect(outcomeOf(bug, { CLAVIGER_LOG_LEVEL: 'debug' }).stderr).toContain('complain.test.ts')
  })

  test('is not reported for Ctrl-C at a prompt', () => {
    const thrown = Object.assign(new Error('User force closed the prompt'), { name: 'ExitPromptError' })
    expect(outcomeOf(thrown)).toEqual({ code: 1, stderr: 'claviger: cancelled; nothing was changed\n' })
  })
})
