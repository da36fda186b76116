/** Claviger's own command line, used as an administrator uses it. */
import { execFile } from 'node:child_process'
import { baseEnvironment } from './contender.ts'

export const checkout = new URL('../..', import.meta.url).pathname
export const mainProgram = new URL('../../src/main.ts', import.meta.url).pathname

export type ClavigerCli = (args: string[], input?: string) => Promise<string>

/** Runs one command to its end and gives its stdout; a failure says what the command said. */
export const createClavigerCli =
  (env: Record<string, string>): ClavigerCli =>
  (args, input = '') =>
    new Promise((resolve, reject) => {
      const options = { cwd: checkout, env: { ...baseEnvironment(), ...env }, timeout: 30_000 }
      const child = execFile(process.execPath, [mainProgram, ...args], options, (error, stdout, stderr) => {
        if (error) reject(new Error(`claviger ${args.join(' ')}: ${error.code ?? error.signal}\n${stderr || stdout}`))
        else resolve(stdout)
      })
      child.stdin?.on('error', () => undefined) // a command that ends early says why by itself
      child.stdin?.end(input)
    })
