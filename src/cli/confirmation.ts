/** Commands that cannot be undone ask for confirmation first, and `--dry-run` prints what they would do. */
import type { Command } from 'commander'
import { Failure } from '../errors/failure.ts'
import { type DryRunOption, type JsonOption, withDryRun, withJson } from './command-options.ts'
import type { Invocation } from './invocation.ts'
import { mayAsk, promptStreams } from './secret-input.ts'

export interface ConfirmedOptions extends JsonOption, DryRunOption {
  yes?: boolean
}

/** Declares the options that `isConfirmed` reads. */
export const withConfirmation = (command: Command): Command =>
  withDryRun(withJson(command)).option('-y, --yes', 'do not ask for confirmation; required without a terminal')

/**
 * Asks on a terminal. If the answer is no, the command prints that nothing was changed and exits with 1.
 * @throws Failure `confirmation_needed` (invalid) without a terminal and without `--yes`
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
      'This cannot be undone, and there is no terminal to confirm it. Nothing was changed.',
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
