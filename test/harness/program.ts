/** A TypeScript file run as a process of its own, spoken to by lines. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

export interface Program {
  pid: number
  /** The next line it prints. Rejects with what it said on stderr when it ends first. */
  line(): Promise<string>
  /** Gives it a line. */
  say(line: string): void
  /** Closes its stdin, which these programs take as the wish to end, and waits for the exit code. */
  end(): Promise<number | null>
  /** As `kill -9` does. */
  kill(): Promise<void>
}

export function runProgram(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = process.env): Program {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(process.execPath, [file, ...args], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  child.stdin.on('error', () => {})
  const exited = once(child, 'close') as Promise<[number | null]>
  return {
    pid: child.pid ?? 0,
    async line() {
      const { value, done } = await lines.next()
      if (!done) return value
      await exited
      throw new Error(`${file} ended: ${said}`)
    },
    say(line) {
      child.stdin.write(`${line}\n`)
    },
    async end() {
      child.stdin.end()
      return (await exited)[0]
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
