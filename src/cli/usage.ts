/** Errors of usage: the fault, the nearest correct word, and the command that shows help. */
import type { Command } from 'commander'
import { Failure } from '../errors/failure.ts'
import { singleLines } from './terminal-text.ts'

/** For options that contradict each other or are missing. `withHelpHint` adds the hint that names the help. */
export const wrongUsage = (code: string, sentence: string, hints: readonly string[] = []): Failure =>
  new Failure(code, 'invalid', sentence, { detail: { isUsage: true, hints } })

/** Adds the hint to a Failure of `wrongUsage`; other errors stay unchanged. */
export function withHelpHint(thrown: unknown, hint: string | undefined): unknown {
  if (!(thrown instanceof Failure) || thrown.detail.isUsage !== true || hint === undefined) return thrown
  return new Failure(thrown.code, thrown.kind, thrown.message, {
    detail: { hints: [...(thrown.detail.hints as string[]), hint] },
  })
}

/** `'claviger users add --help' shows its options, with an example`. */
export function helpHint(command: Command, program: string): string {
  const path = pathOf(command)
  const has = command.commands.length > 0 ? 'lists' : 'shows its options, with an example'
  const what = command.commands.length === 0 ? '' : path.length === 0 ? ' the commands' : ' its commands'
  return `'${[program, ...path, '--help'].join(' ')}' ${has}${what}`
}

/** The words that call a command, without the program. */
function pathOf(command: Command): string[] {
  return command.parent ? [...pathOf(command.parent), command.name()] : []
}

/** Commander's two lines, `error: …` and `(Did you mean x?)`, as messages of this program. */
export function usageComplaint(text: string, hint: string): string {
  const [first = '', suggestion] = text.trim().split(/\n(?=\(Did you mean )/)
  const nearest = suggestion?.replace(/^\(Did you mean (one of )?(.*)\?\)$/s, 'did you mean $2?')
  const lines = [`claviger: ${first.replace(/^error: /, '')}`, nearest && `hint: ${nearest}`, `hint: ${hint}`]
  return lines.map((line) => (line ? `${singleLines(line)}\n` : '')).join('')
}

/**
 * The words for which help is requested, by `help users add`, `users help add` or `users add --help`; undefined
 * when argv does not ask for help.
 */
export function helpWords(argv: readonly string[], nouns: readonly string[]): string[] | undefined {
  const [first = '', second, ...rest] = argv
  if (first === 'help') return leadingWords(argv.slice(1))
  if (second === 'help' && nouns.includes(first)) return leadingWords([first, ...rest])
  return argv.includes('--help') || argv.includes('-h') ? leadingWords(argv) : undefined
}

function leadingWords(argv: readonly string[]): string[] {
  const end = argv.findIndex((word) => word.startsWith('-'))
  return argv.slice(0, end === -1 ? argv.length : end)
}

/**
 * The argv that shows the help of the command that `words` name. An unknown word replaces `--help`, so that commander
 * reports it. Words after a complete command are dropped, so that no command runs.
 */
export function helpArgv(program: Command, words: readonly string[]): string[] {
  const path: string[] = []
  let command = program
  for (const word of words) {
    if (command.commands.length === 0) break
    path.push(word)
    const next = command.commands.find((each) => each.name() === word)
    if (!next) return path
    command = next
  }
  return [...path, '--help']
}

/** Accepts `version` and `-V` for `--version`. */
export const withVersionOption = (argv: readonly string[]): string[] =>
  argv[0] === 'version' || argv[0] === '-V' ? ['--version', ...argv.slice(1)] : [...argv]
