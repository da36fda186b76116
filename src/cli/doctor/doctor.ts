import { type Config, readConfig } from '../../config/config.ts'
import { unknownVariables, unknownVariableText } from '../../config/unknown-variables.ts'
import { Failure } from '../../errors/failure.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { Desk } from '../desk.ts'
import type { Invocation } from '../invocation.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import type { Printer } from '../printer.ts'
import { administratorCheck, backupCheck } from './backup-check.ts'
import type { Check, Finding } from './check.ts'
import { connectionsCheck, poolerCheck, rightsCheck } from './connection-checks.ts'
import { clockCheck, databaseCheck, migrationsCheck, nodesCheck, primaryCheck } from './database-checks.ts'
import { issuerCheck } from './issuer-check.ts'
import { keyEncryptionKeyCheck, keysCheck } from './key-checks.ts'

const checks: readonly Check[] = [
  databaseCheck,
  primaryCheck,
  rightsCheck,
  poolerCheck,
  connectionsCheck,
  migrationsCheck,
  nodesCheck,
  clockCheck,
  keyEncryptionKeyCheck,
  keysCheck,
  issuerCheck,
  administratorCheck,
  backupCheck,
]

type NamedFinding = Finding & { name: string }

/** `doctor`: checks everything that it can reach, and prints how to fix each fault. Changes nothing. */
export const doctor: AddCommand = (command, invocation) => {
  const { printer } = invocation
  command.action(async (options: JsonOption) => {
    const findings = await examine(invocation)
    const failed = findings.filter(({ outcome }) => outcome === 'failed').length
    printer.result(options, { ok: failed === 0, checks: findings.map(asJson) }, () => print(printer, findings, failed))
    if (failed > 0) invocation.exitCode = 1
  })
  withExample(withJson(command), 'claviger doctor')
}

async function examine(invocation: Invocation): Promise<NamedFinding[]> {
  const [configuration, config] = readConfiguration(invocation)
  if (!config) return [configuration, ...skipped(checks, configuration.name)]
  let desk: Desk
  try {
    desk = await invocation.desk()
  } catch (thrown) {
    const name = thrown instanceof Failure && thrown.code.startsWith('database_') ? databaseCheck.name : 'opening'
    return [
      configuration,
      { name, ...failedBy(thrown) },
      ...skipped(
        checks.filter((check) => check.name !== name),
        name,
      ),
    ]
  }
  const findings = [configuration]
  for (const [index, check] of checks.entries()) {
    const finding = await look(check, desk, invocation)
    findings.push({ name: check.name, ...finding })
    if (check.carries && finding.outcome === 'failed')
      return [...findings, ...skipped(checks.slice(index + 1), check.name)]
  }
  return findings
}

function readConfiguration({ env }: Invocation): [NamedFinding, Config?] {
  try {
    const config = readConfig(env)
    const [unknown, ...others] = unknownVariables(env).map(unknownVariableText)
    if (unknown) return [{ name: 'configuration', outcome: 'warning', found: [unknown, ...others].join(' ') }, config]
    return [{ name: 'configuration', outcome: 'ok', found: `Complete and consistent (${config.issuer}).` }, config]
  } catch (thrown) {
    return [{ name: 'configuration', ...failedBy(thrown) }]
  }
}

const skipped = (rest: readonly Check[], fallen: string): NamedFinding[] =>
  rest.map(({ name }) => ({ name, outcome: 'skipped', found: `Not checked: first fix ${fallen}.` }))

const look = (check: Check, desk: Desk, invocation: Invocation): Promise<Finding> =>
  check.look(desk, invocation).catch((thrown: unknown) => failedBy(thrown))

function failedBy(thrown: unknown): Finding {
  if (!(thrown instanceof Failure)) {
    return {
      outcome: 'failed',
      found: `The check could not run (${thrown instanceof Error ? thrown.name : typeof thrown}).`,
    }
  }
  const { hints, reason } = thrown.detail
  const sentence = typeof reason === 'string' ? `${thrown.message} ${reason}` : thrown.message
  const found = sentence.replaceAll(/\s*\n\s*/g, ' ')
  return { outcome: 'failed', found, ...(Array.isArray(hints) ? { mend: hints.join(' ') } : {}) }
}

const asJson = ({ name, outcome, found, mend }: NamedFinding) => ({ name, outcome, found, mend: mend ?? null })

const tones = { ok: 'good', note: 'dim', warning: 'warn', failed: 'bad', skipped: 'dim' } as const

function print(printer: Printer, findings: readonly NamedFinding[], failed: number): void {
  printer.table(
    ['CHECK', 'RESULT', 'FOUND'],
    findings.flatMap(({ name, outcome, found, mend }) => [
      [name, { text: outcome, tone: tones[outcome] }, found],
      ...(mend ? [['', '', { text: `→ ${mend}`, tone: 'strong' as const }]] : []),
    ]),
  )
  printer.line()
  if (failed > 0) printer.line({ text: `${counted(failed, 'check')} failed.`, tone: 'bad' })
  else printer.line({ text: 'Nothing failed.', tone: 'good' })
}
