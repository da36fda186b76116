/** What many commands share in their declaration. */
import type { Command } from 'commander'

/** Every command that prints data has it. */
export const withJson = (command: Command): Command => command.option('--json', 'print one JSON document on stdout')

/** For what changes much, or cannot be undone. */
export const withDryRun = (command: Command): Command =>
  command.option('--dry-run', 'say what would happen, and change nothing')

export const withExample = (command: Command, ...lines: readonly string[]): Command =>
  command.addHelpText('after', `\nExample:\n${lines.map((line) => `  ${line}`).join('\n')}`)

export interface JsonOption {
  json?: boolean
}
export interface DryRunOption {
  dryRun?: boolean
}
