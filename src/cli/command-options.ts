/** Options that many commands share. */
import type { Command } from 'commander'

/** For every command that prints data. */
export const withJson = (command: Command): Command => command.option('--json', 'print one JSON document on stdout')

/** For commands that change much or cannot be undone. */
export const withDryRun = (command: Command): Command =>
  command.option('--dry-run', 'show what would happen, and change nothing')

const examplesOf = new WeakMap<Command, readonly string[]>()

export function withExample(command: Command, ...lines: readonly string[]): Command {
  examplesOf.set(command, lines)
  return command.addHelpText('after', exampleText(lines))
}

/** The help of a noun shows the first example of each of its commands. */
export const withExamplesOfCommands = (noun: Command): Command =>
  noun.addHelpText('after', () => exampleText(noun.commands.flatMap((each) => examplesOf.get(each)?.slice(0, 1) ?? [])))

const exampleText = (lines: readonly string[]): string => `\nExample:\n${lines.map((line) => `  ${line}`).join('\n')}`

export interface JsonOption {
  json?: boolean
}
export interface DryRunOption {
  dryRun?: boolean
}
