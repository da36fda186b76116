/** Claviger's own command line, used as an administrator uses it. */
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { spawnChild } from '../children.ts'
import { baseEnvironment } from './contender.ts'

export const checkout = new URL('../..', import.meta.url).pathname
export const mainProgram = new URL('../../src/main.ts', import.meta.url).pathname

export type ClavigerCli = (args: string[], input?: string) => Promise<string>

/** Runs one command to its end and gives its stdout; a failure says what the command said. */
export const createClavigerCli =
  (env: Record<string, string>): ClavigerCli =>
  async (args, input = '') => {
    const child = spawnChild(process.execPath, [mainProgram, ...args], {
      cwd: checkout,
      env: { ...baseEnvironment(), ...env },
      stdio: 'pipe',
      timeout: 30_000,
    })
    const { stdin, stdout, stderr } = child
    if (!stdin || !stdout || !stderr) throw new Error('the command has no standard streams')
    stdin.on('error', () => undefined) // a command that ends early says why by itself
    stdin.end(input)
    const [output, complaint, [code, signal]] = await Promise.all([text(stdout), text(stderr), once(child, 'exit')])
    if (code !== 0) throw new Error(`claviger ${args.join(' ')} ended with ${code ?? signal}: ${complaint || output}`)
    return output
  }
