/** What cannot be undone: such a command says beforehand what it would do, and asks before it does it. */
import type { Command } from 'commander'
import { type DryRunOption, type JsonOption, withDryRun, withJson } from './command-options.ts'
import type { Invocation } from './invocation.ts'
import { mayAsk, promptStreams } from './secret-input.ts'

export interface ConfirmedOptions extends JsonOption, DryRunOption {
  yes?: boolean
}

/** Asked on a terminal only: scripts say what they mean. */
export const withConfirmation = (command: Command): Command =>
  withDryRun(withJson(command)).option('-y, --yes', 'do not ask back')

/** Without a terminal the command line has the last word. What is refused says that nothing happened, and ends with 1. */
export async function isConfirmed(
  invocation: Invocation,
  options: ConfirmedOptions,
  question: string,
): Promise<boolean> {
  if (options.yes || !mayAsk(invocation)) return true
  const { confirm } = await import('@inquirer/prompts')
  if (await confirm({ message: question, default: false }, promptStreams(invocation))) return true
  invocation.printer.note('Nothing was changed.')
  invocation.exitCode = 1
  return false
}
