/** How wrong usage is answered: what is wrong, the nearest right word, and the command whose help shows what is right. */
import type { Command } from 'commander'
import { Failure } from '../errors/failure.ts'
import { singleLines } from './terminal-text.ts'

/** Options that do not fit together, or say too little. The hint that names the help is added where the command is known. */
export const wrongUsage = (code: string, sentence: string, hints: readonly string[] = []): Failure =>
  new Failure(code, 'invalid', sentence, { detail: { isUsage: true, hints } })

/** Adds the hint to what `wrongUsage` made; anything else is left as it is. */
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

/** The words by which a command is called, without the program. */
function pathOf(command: Command): string[] {
  return command.parent ? [...pathOf(command.parent), command.name()] : []
}

/** Commander's two lines, `error: …` and `(Did you mean x?)`, in the words of this program. */
export function usageComplaint(text: string, hint: string): string {
  const [first = '', suggestion] = text.trim().split(/\n(?=\(Did you mean )/)
  const nearest = suggestion?.replace(/^\(Did you mean (one of )?(.*)\?\)$/s, 'did you mean $2?')
  const lines = [`claviger: ${first.replace(/^error: /, '')}`, nearest && `hint: ${nearest}`, `hint: ${hint}`]
  return lines.map((line) => (line ? `${singleLines(line)}\n` : '')).join('')
}

/**
 * The words after which a person asks for help, by `help users add`, `users help add` or `users add --help`; undefined
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
 * The argv that shows the help of the command that `words` name. A word that names no command is left in place of
 * `--help`, so that it is complained about; what follows a whole command is dropped, so that nothing is run.
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

/** `version` and `-V` are words that people try for `--version`. */
export const withVersionOption = (argv: readonly string[]): string[] =>
  argv[0] === 'version' || argv[0] === '-V' ? ['--version', ...argv.slice(1)] : [...argv]
