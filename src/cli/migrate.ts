import { type JsonOption, withExample, withJson } from './command-options.ts'
import type { Invocation } from './invocation.ts'
import { counted, fromNow } from './moment.ts'
import type { AddCommand } from './nouns.ts'

/** `migrate`: applies migrations under an advisory lock, so that several nodes may run it at once. */
export const migrate: AddCommand = (command, invocation) => {
  command
    .option('--status', 'only list applied and pending migrations; exit 1 when some are pending')
    .action((options: JsonOption & { status?: boolean }) =>
      options.status ? showStatus(invocation, options) : apply(invocation, options),
    )
  withExample(withJson(command), 'claviger migrate --status')
}

async function apply({ desk, printer }: Invocation, options: JsonOption): Promise<void> {
  const applied = await (await desk()).migrations.apply()
  printer.result(options, { applied }, () => {
    if (applied.length === 0) return printer.line('The schema is up to date.')
    for (const name of applied) printer.line({ text: 'applied', tone: 'good' }, ` ${name}`)
  })
}

async function showStatus(invocation: Invocation, options: JsonOption): Promise<void> {
  const { printer } = invocation
  const { applied, pending, ahead } = await (await invocation.desk()).migrations.status()
  const note = (name: string) => (ahead.includes(name) ? ', by a newer release' : '')
  printer.result(options, { applied, pending, ahead }, () => {
    for (const { name, at } of applied)
      printer.line({ text: 'applied', tone: 'good' }, ` ${name} (${fromNow(at, printer.now())}${note(name)})`)
    for (const name of pending) printer.line({ text: 'pending', tone: 'warn' }, ` ${name}`)
    printer.line(
      pending.length === 0 ? 'The schema is up to date.' : `${counted(pending.length, 'migration')} to apply.`,
    )
  })
  if (pending.length > 0) {
    invocation.exitCode = 1
    printer.next('migrate')
  }
}
