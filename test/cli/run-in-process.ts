/** Runs a command line in this process on a given desk, and returns its output and exit code. */
import { type CliNeeds, type ExitCode, runCli } from '../../src/cli/cli.ts'
import type { Desk } from '../../src/cli/desk.ts'
import { now } from './stand-in-desk.ts'

export interface InProcess {
  desk: Desk
  stdin?: string | Uint8Array
  env?: NodeJS.ProcessEnv
  tty?: boolean
  more?: Partial<CliNeeds>
}

export async function run(argv: readonly string[], { desk, stdin = '', env = {}, tty = false, more }: InProcess) {
  const written = { stdout: '', stderr: '' }
  const bytes = Buffer.from(stdin)
  const code: ExitCode = await runCli(argv, {
    env,
    stdin: {
      async *[Symbol.asyncIterator]() {
        if (bytes.length > 0) yield bytes
      },
    },
    stdout: { write: (text) => (written.stdout += text), isTTY: tty },
    stderr: { write: (text) => (written.stderr += text), isTTY: tty },
    openDesk: async () => desk,
    serve: async () => ({
      welcome: { issuer: 'http://localhost:9400', development: true, hasAdmin: false, clients: 0, database: './data' },
      stopped: Promise.resolve(),
    }),
    serveSigner: async () => ({
      socket: '/run/claviger/signer.sock',
      fingerprint: 'kek-1',
      stopped: Promise.resolve(),
    }),
    now: () => now,
    ...more,
  })
  return { ...written, code }
}
