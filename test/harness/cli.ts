/** Runs the real program, `node src/main.ts`, as its own process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** What the program finds in its environment: nothing of ours but the path, and what the test gives it. */
export type ProgramEnv = Record<string, string>

export interface CommandResult {
  code: number | null
  stdout: string
  stderr: string
}

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

/** Runs one command to its end. */
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
