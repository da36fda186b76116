/** One run of one command: its input and output, and the desk that it opens. */
import { userInfo } from 'node:os'
import { Failure } from '../errors/failure.ts'
import type { Operation, Plan } from '../operations/operation.ts'
import { perform, planOf } from '../operations/operations.ts'
import type { CliNeeds, ExitCode } from './cli.ts'
import type { Desk, Serve, ServeSigner } from './desk.ts'
import { Printer } from './printer.ts'

export interface Input extends AsyncIterable<Uint8Array | string> {
  isTTY?: boolean
}

export interface Output {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
}

export interface Invocation {
  env: NodeJS.ProcessEnv
  stdin: Input
  stderr: Output
  printer: Printer
  serve: Serve
  serveSigner: ServeSigner
  now(): Date
  readerGone: AbortSignal | undefined
  /** Opens the desk at the first call; `close` closes it. */
  desk(): Promise<Desk>
  /** Performs an operation as the host's user, together with its audit entry. @throws Failure as the operation does */
  perform<Input, Output>(operation: Operation<Input, Output>, input: Input): Promise<Output>
  /** What the operation would touch. Changes nothing. */
  planOf<Input>(operation: Operation<Input, unknown>, input: Input): Promise<Plan>
  /** For the audit log: `cli:<unix user>`. */
  actor: string
  /** A command that ran to its end and found a fault sets 1. */
  exitCode: ExitCode
  /** The cause of an unexpected error: an outdated schema, or else the error itself. */
  reasonOf(thrown: unknown): Promise<unknown>
  close(): Promise<void>
}

export function newInvocation(needs: CliNeeds): Invocation {
  const { env, stdin, stdout, stderr, serve, serveSigner, openDesk, now = () => new Date() } = needs
  let opened: Promise<Desk> | undefined
  const open = () => (opened ??= openDesk(env))
  const host = () => ({ kind: 'host', user: unixUser() }) as const
  return {
    env,
    stdin,
    stderr,
    serve,
    serveSigner,
    now,
    readerGone: needs.readerGone,
    printer: new Printer({ stdout, stderr, env, now, program: calledAs(needs) }),
    desk: open,
    perform: async (operation, input) => perform((await open()).operations, operation, input, host()),
    planOf: async (operation, input) => planOf((await open()).operations, operation, input, host()),
    get actor() {
      return `cli:${unixUser()}`
    },
    exitCode: 0,
    async reasonOf(thrown) {
      if (thrown instanceof Failure || !opened) return thrown
      return (await outdatedSchema(opened).catch(() => undefined)) ?? thrown
    },
    async close() {
      // If the desk failed to open, its error was already reported.
      const desk = await opened?.catch(() => undefined)
      await desk?.close()
    },
  }
}

async function outdatedSchema(opened: Promise<Desk>): Promise<Failure | undefined> {
  const { pending } = await (await opened).migrations.status()
  if (pending.length === 0) return undefined
  return new Failure('migrations_pending', 'conflict', 'The database schema is not up to date.', {
    detail: { hints: [`not applied: ${pending.join(', ')}`, "'claviger migrate' applies them"] },
  })
}

/** How the program was called, so that hints can be pasted. */
function calledAs({ env, script }: CliNeeds): string {
  if (env.npm_lifecycle_event && env.npm_package_name === 'claviger') return 'npm run claviger --'
  return script?.endsWith('main.ts') ? 'node src/main.ts' : 'claviger'
}

function unixUser(): string {
  try {
    return userInfo().username
  } catch {
    // An arbitrary uid in a container has no name.
    return String(process.getuid?.() ?? 'unknown')
  }
}
