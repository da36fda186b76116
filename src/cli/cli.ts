/**
 * cli is the command line: one command a file, in a folder named after its
 * noun. It reads argv, prompts and stdin, calls the rooms below through the
 * `Desk` that the roof opens, and prints. Decisions are made in the rooms
 * below. It uses neither HTTP nor SQL.
 */
import { Command, CommanderError } from 'commander'
import { release } from '../config/release.ts'
import { unknownVariables, unknownVariableText } from '../config/unknown-variables.ts'
import { Failure } from '../errors/failure.ts'
import { withExamplesOfCommands } from './command-options.ts'
import { complain } from './complain.ts'
import type { OpenDesk, Serve, ServeSigner } from './desk.ts'
import { type Input, type Invocation, newInvocation, type Output } from './invocation.ts'
import { nouns } from './nouns.ts'
import { helpArgv, helpHint, helpWords, usageComplaint, withHelpHint, withVersionOption } from './usage.ts'

export interface CliNeeds {
  env: NodeJS.ProcessEnv
  stdin: Input
  stdout: Output
  stderr: Output
  openDesk: OpenDesk
  serve: Serve
  serveSigner: ServeSigner
  /** Path of the running script, so that hints name the command as it was called. */
  script?: string | undefined
  now?: () => Date
  /** One of several processes that a command started; the first process has given all warnings. */
  isWorker?: boolean
  /** Aborted when the reader of stdout has gone, as in `events follow | head`. */
  readerGone?: AbortSignal
}

export type ExitCode = 0 | 1 | 2

/** Runs one command line to its end. Never throws: errors are printed on stderr and set the exit code. */
export async function runCli(argv: readonly string[], needs: CliNeeds): Promise<ExitCode> {
  const invocation = newInvocation(needs)
  let hint: string | undefined
  try {
    refuseNul(argv)
    const asked = helpWords(
      argv,
      nouns.map(({ name }) => name),
    )
    const program = newProgram(needs)
    await addNouns(program, asked ?? argv, invocation)
    nameHelp(program, invocation.printer.program)
    program.hook('preAction', (_, called) => {
      if (!needs.isWorker) warnOfVariables(invocation)
      hint = helpHint(called, invocation.printer.program)
    })
    await program.parseAsync(asked ? helpArgv(program, asked) : idsLast(withVersionOption(argv)), { from: 'user' })
    return invocation.exitCode
  } catch (thrown) {
    // Commander has already printed its error or the help.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
    return complain(withHelpHint(await invocation.reasonOf(thrown), hint), needs)
  } finally {
    await invocation.close().catch((thrown: unknown) => complain(thrown, needs))
  }
}

/** No operating system passes NUL in an argument, and no file name and no database column can contain it. */
function refuseNul(argv: readonly string[]): void {
  if (argv.some((word) => word.includes('\0')))
    throw new Failure('argument_malformed', 'invalid', 'An argument contains a NUL character.')
}

/** Their ids are base64url, so one id in sixty begins with a dash and would be parsed as an option. */
const namedByIds = new Set(['sessions', 'streams', 'keys'])
const isDashedId = (word: string) => /^-(?:[A-Za-z0-9_][\w-]{20,}|-[\w-]{41})$/.test(word)

function idsLast(argv: readonly string[]): string[] {
  const ids = argv.filter(isDashedId)
  if (ids.length === 0 || argv.includes('--') || !namedByIds.has(argv[0] ?? '')) return [...argv]
  return [...argv.filter((word) => !isDashedId(word)), '--', ...ids]
}

function newProgram({ stdout, stderr }: CliNeeds): Command {
  const width = (output: Output) => Math.min(output.columns ?? 100, 100)
  return new Command('claviger')
    .description('A self-hosted OpenID Connect provider.')
    .usage('<command> [options]')
    .helpOption('-h, --help', 'show help, with an example')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => width(stdout),
      getErrHelpWidth: () => width(stderr),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError(false)
    .addHelpText('after', "\n'claviger <command> --help' shows its options, with an example.")
}

/** Warns on stderr, so that stdout holds data only. Without the warning a mistyped variable would be ignored silently. */
function warnOfVariables({ env, printer }: Invocation): void {
  for (const variable of unknownVariables(env)) {
    printer.note({ text: 'warning: ', tone: 'warn' }, unknownVariableText(variable))
  }
}

/** Usage errors name the help of the command that was called. */
function nameHelp(command: Command, program: string): void {
  command.configureOutput({ outputError: (text, write) => write(usageComplaint(text, helpHint(command, program))) })
  for (const each of command.commands) nameHelp(each, program)
}

/** Lists every noun, but loads only the one that argv names, so that no command waits for the code of another. */
async function addNouns(program: Command, argv: readonly string[], invocation: Invocation): Promise<void> {
  const [called] = argv.filter((word) => !word.startsWith('-'))
  for (const noun of nouns) {
    const command = program.command(noun.name).description(noun.summary).helpGroup(noun.group).helpCommand(false)
    if (noun.name !== called) continue
    const add = await noun.load()
    add(command, invocation)
    if (command.commands.length > 0) withExamplesOfCommands(command)
  }
  program.option('-v, --version', 'show the version').on('option:version', () => {
    invocation.printer.line(release)
    throw new CommanderError(0, 'commander.version', release)
  })
}
