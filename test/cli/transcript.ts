/**
 * Sessions at the command line as plain text:
 *
 *   # a comment            $ the command       < a line on its stdin
 *   ! a line on stderr     ? its exit code (0 when not said)
 *
 * and everything else is stdout. `…` stands for any text within a line; a line
 * that is only `…` for any number of lines.
 */
import { expect } from '@jest/globals'

export interface Step {
  line: number
  argv: string[]
  stdin: string
  stdout: string[]
  stderr: string[]
  code: number
}

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

/** What of a line belongs to the step it stands in. */
const marks: Readonly<Record<string, (step: Step, rest: string) => void>> = {
  '<': (step, rest) => {
    step.stdin += `${rest}\n`
  },
  '!': (step, rest) => {
    step.stderr.push(rest)
  },
  '?': (step, rest) => {
    step.code = Number(rest)
  },
}

export function readTranscript(text: string): Step[] {
  const steps: Step[] = []
  text.split('\n').forEach((raw, index) => {
    if (raw.startsWith('#')) return
    if (raw.startsWith('$ claviger')) {
      const argv = words(raw.slice('$ claviger'.length))
      steps.push({ line: index + 1, argv, stdin: '', stdout: [], stderr: [], code: 0 })
      return
    }
    const step = steps.at(-1)
    if (!step) return
    const mark = /^[<!?](?= |$)/.exec(raw)?.[0]
    if (mark) marks[mark]?.(step, raw.slice(2))
    else step.stdout.push(raw)
  })
  // Blank lines between steps are for the reader.
  for (const step of steps) while (step.stdout.at(-1) === '') step.stdout.pop()
  return steps
}

/** As a shell would split it: blanks, quotes, nothing else. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  )
}

export function expectStep(step: Step, outcome: Outcome): void {
  const told = { line: step.line, command: step.argv.join(' ') }
  const seen = { ...told, stdout: comparable(outcome.stdout), stderr: comparable(outcome.stderr), code: outcome.code }
  const wanted = { ...told, stdout: step.stdout.join('\n'), stderr: step.stderr.join('\n'), code: step.code }
  const fits =
    seen.code === wanted.code && pattern(step.stdout).test(seen.stdout) && pattern(step.stderr).test(seen.stderr)
  // Only what does not fit is compared as text, for a diff that can be read.
  if (!fits) expect(seen).toEqual(wanted)
}

const comparable = (text: string): string => text.replace(/\n+$/, '')

function pattern(lines: readonly string[]): RegExp {
  const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '[^\\n]*?')
  // Whole lines, each in one way only: what does not fit must be found out soon.
  const skipped = (at: number) => (at === lines.length - 1 ? '[^]*' : '(?:[^\n]*\n)*?')
  const source = lines.map((line, at) => (line === '…' ? skipped(at) : `${escaped(line)}(?:\n|$)`)).join('')
  return new RegExp(`^${source}$`)
}
