/**
 * Sessions at the command line as plain text:
 *
 *   # a comment            $ the command       < a line on its stdin
 *   ! a line on stderr     ? its exit code (0 by default)
 *   + a line that is expected only while a running node confirms revocations
 *   - a line that is expected only without a running node
 *
 * Every other line is stdout. `…` matches any text within a line; a line
 * that is only `…` matches any number of lines.
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

/** What the rest of a marked line adds to its step. */
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

/** Whether a running node confirms revocations, or none runs. */
export type Nodes = 'confirming' | 'none'

export function readTranscript(text: string, nodes: Nodes): Step[] {
  const steps: Step[] = []
  const [wanted, unwanted] = nodes === 'confirming' ? ['+ ', '- '] : ['- ', '+ ']
  text.split('\n').forEach((line, index) => {
    if (line.startsWith(unwanted)) return
    const raw = line.startsWith(wanted) ? line.slice(2) : line
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

/** Splits a line as a shell does at blanks and quotes, without other expansions. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  )
}

export function expectStep(step: Step, outcome: Outcome): void {
  const place = { line: step.line, command: step.argv.join(' ') }
  const seen = { ...place, stdout: comparable(outcome.stdout), stderr: comparable(outcome.stderr), code: outcome.code }
  const wanted = { ...place, stdout: step.stdout.join('\n'), stderr: step.stderr.join('\n'), code: step.code }
  const fits =
    seen.code === wanted.code && pattern(step.stdout).test(seen.stdout) && pattern(step.stderr).test(seen.stderr)
  // A step that does not fit is compared as text, so that the failure prints a readable diff.
  if (!fits) expect(seen).toEqual(wanted)
}

const comparable = (text: string): string => text.replace(/\n+$/, '')

function pattern(lines: readonly string[]): RegExp {
  const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '[^\\n]*?')
  // Each line can match in one way only, so that a mismatch is found without much backtracking.
  const skipped = (at: number) => (at === lines.length - 1 ? '[^]*' : '(?:[^\n]*\n)*?')
  const source = lines.map((line, at) => (line === '…' ? skipped(at) : `${escaped(line)}(?:\n|$)`)).join('')
  return new RegExp(`^${source}$`)
}
