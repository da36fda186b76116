/** The one place where a failure becomes text on stderr and an exit code. */

import type { FailureKind } from '../errors/failure.ts'
import { Failure } from '../errors/failure.ts'
import type { CliNeeds, ExitCode } from './cli.ts'
import { singleLines } from './terminal-text.ts'

const exitCodeOf = {
  invalid: 2,
  denied: 1,
  missing: 1,
  conflict: 1,
  throttled: 1,
  unavailable: 1,
} as const satisfies Record<FailureKind, ExitCode>

// Their kind is `invalid`, but the deployment is at fault, not the command line.
const notUsage: ReadonlySet<string> = new Set(['config_invalid'])

/** Prints the error and what to do. Stack traces and causes appear only at log level debug, since they may contain secrets. */
export function complain(thrown: unknown, { stderr, env }: Pick<CliNeeds, 'stderr' | 'env'>): ExitCode {
  const debug = env.CLAVIGER_LOG_LEVEL === 'debug' || env.CLAVIGER_LOG_LEVEL === 'trace'
  const say = (line: string) => stderr.write(`${singleLines(line)}\n`)
  if (thrown instanceof Failure) {
    const { headline, hints } = wordsOf(thrown)
    const { reason } = thrown.detail
    say(`claviger: ${headline}`)
    if (typeof reason === 'string') say(`reason: ${reason}`)
    for (const hint of hints) say(`hint: ${hint}`)
    if (debug && thrown.cause) say(traceOf(thrown.cause))
    return notUsage.has(thrown.code) ? 1 : exitCodeOf[thrown.kind]
  }
  if (isCancelled(thrown)) {
    say('claviger: cancelled; nothing was changed')
    return 1
  }
  say(`claviger: unexpected error (${nameOf(thrown)})`)
  if (debug) say(traceOf(thrown))
  else say('hint: run the command again with CLAVIGER_LOG_LEVEL=debug to see where it failed')
  return 1
}

/** The sentence of a Failure may contain its faults. Here each fault gets its own line instead. */
function wordsOf({ message, detail }: Failure): { headline: string; hints: string[] } {
  const faults = textsOf(detail.faults)
  const hints = textsOf(detail.hints)
  const named = faults.filter((fault) => message.includes(fault))
  if (named.length < faults.length || named.length === 0) return { headline: message, hints: [...faults, ...hints] }
  const headline = message.slice(0, Math.min(...named.map((fault) => message.indexOf(fault)))).replace(/[\s:-]+$/, '')
  return headline === '' ? { headline: message, hints } : { headline, hints: [...faults, ...hints] }
}

const textsOf = (list: unknown): string[] =>
  Array.isArray(list) ? list.filter((item) => typeof item === 'string') : []

/** Ctrl-C at a prompt. */
const isCancelled = (thrown: unknown): boolean =>
  thrown instanceof Error && (thrown.name === 'ExitPromptError' || thrown.name === 'AbortPromptError')

const nameOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return typeof thrown
  const { code } = thrown as { code?: unknown }
  return typeof code === 'string' ? `${thrown.name} ${code}` : thrown.name
}

const traceOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
