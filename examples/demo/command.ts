/** Runs one `claviger` command, as a person at a terminal would. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const program = join(import.meta.dirname, '../../src/main.ts')

export interface CommandResult {
  ok: boolean
  stdout: string
  stderr: string
}

export async function claviger(args: readonly string[], env: NodeJS.ProcessEnv, stdin = ''): Promise<CommandResult> {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: 'pipe' })
  const [stdout, stderr]: [string[], string[]] = [[], []]
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => stdout.push(chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => stderr.push(chunk))
  // A command that refuses its arguments does not read: its exit code says more than the broken pipe.
  child.stdin.on('error', () => undefined).end(stdin)
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  return { ok: code === 0, stdout: stdout.join(''), stderr: stderr.join('') }
}

/** The same, for a command that has to succeed. */
export async function mustClaviger(args: readonly string[], env: NodeJS.ProcessEnv, stdin = ''): Promise<string> {
  const { ok, stdout, stderr } = await claviger(args, env, stdin)
  if (!ok) throw new Error(`claviger ${args.slice(0, 2).join(' ')}: ${stderr.trim() || stdout.trim()}`)
  return stdout
}
