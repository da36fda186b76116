/** Runs the real program, `node src/main.ts`, as its own process; and commands by the host of the run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { type CommandResult, commandSocket, orderCommand } from './command-order.ts'

export type { CommandResult } from './command-order.ts'

export const root = join(import.meta.dirname, '../..')

/** What the program finds in its environment: nothing of ours but the path, and what the test gives it. */
export type ProgramEnv = Record<string, string>

/** Starts `claviger …args`; the caller ends it by its pid. */
export function spawnClaviger(args: readonly string[], env: ProgramEnv): ChildProcess {
  return spawn(process.execPath, ['src/main.ts', ...args], {
    cwd: root,
    env: { ...passedOn(), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** What any process needs, and where compiled files lie (`global-setup.ts`). */
function passedOn(): ProgramEnv {
  const { PATH = '', HOME = '/', NODE_COMPILE_CACHE = '' } = process.env
  return { PATH, HOME, ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }) }
}

/** Runs one command to its end where all commands of the run are, which takes a tenth of a process of its own. */
export function command(
  args: readonly string[],
  env: ProgramEnv,
  stdin: string | Uint8Array = '',
): Promise<CommandResult> {
  const folder = process.env['CLAVIGER_TEST_RUN']
  // Benchmarks use this too, and have no host.
  if (folder === undefined) return runClaviger(args, env, stdin)
  const order = { args, env: { ...passedOn(), ...env }, stdin: Buffer.from(stdin).toString('base64') }
  return orderCommand(commandSocket(folder), order)
}

/** Runs one command to its end, as a process. */
export async function runClaviger(
  args: readonly string[],
  env: ProgramEnv,
  stdin: string | Uint8Array = '',
): Promise<CommandResult> {
  const child = spawnClaviger(args, env)
  const output = captureOutput(child)
  // A command that refuses its arguments exits before it reads: a broken pipe is no news.
  child.stdin?.on('error', () => undefined).end(stdin)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  return { code, stdout: output.stdout(), stderr: output.stderr() }
}

/** Keeps what a child writes. */
export function captureOutput(child: ChildProcess): { stdout(): string; stderr(): string } {
  const stdout: string[] = []
  const stderr: string[] = []
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => stdout.push(chunk))
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => stderr.push(chunk))
  return { stdout: () => stdout.join(''), stderr: () => stderr.join('') }
}
