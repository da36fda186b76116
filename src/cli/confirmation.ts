/** What cannot be undone: such a command says beforehand what it would do, and asks before it does it. */
import type { Command } from 'commander'
import { Failure } from '../errors/failure.ts'
import { type DryRunOption, type JsonOption, withDryRun, withJson } from './command-options.ts'
import type { Invocation } from './invocation.ts'
import { mayAsk, promptStreams } from './secret-input.ts'

export interface ConfirmedOptions extends JsonOption, DryRunOption {
  yes?: boolean
}

/** Declares what `isConfirmed` reads. */
export const withConfirmation = (command: Command): Command =>
  withDryRun(withJson(command)).option('-y, --yes', 'do not ask back; needed where there is no terminal')

/**
 * Asks on a terminal. A declined question says that nothing happened, and ends with 1.
 * @throws Failure `confirmation_needed` (invalid) where there is no terminal, and the command line does not say `--yes`
 */
export async function isConfirmed(
  invocation: Invocation,
  options: ConfirmedOptions,
  question: string,
): Promise<boolean> {
  if (options.yes) return true
  if (!mayAsk(invocation)) {
    throw new Failure(
      'confirmation_needed',
      'invalid',
      'This cannot be undone, and there is no terminal to ask back. Nothing was changed.',
      {
        detail: { hints: ['add --yes to do it, or --dry-run to see what it would do'] },
      },
    )
  }
  const { confirm } = await import('@inquirer/prompts')
  if (await confirm({ message: question, default: false }, promptStreams(invocation))) return true
  invocation.printer.note('Nothing was changed.')
  invocation.exitCode = 1
  return false
}
