import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { changeJson, printChange } from './key-view.ts'

interface Options extends JsonOption, DryRunOption {
  alg?: string
  now?: boolean
}

/** `keys rotate`: ahead of the schedule, and still without breaking anyone unless told to hurry. */
export const keysRotate: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('rotate')
    .description('have the standby key sign, as soon as it has been published long enough')
    .option('--alg <alg>', 'this algorithm only (default: all)')
    .option('--now', 'at once, though some verifiers may not have fetched the key yet')
    .action(async ({ alg, now, dryRun = false, json }: Options) => {
      const { keyring } = await invocation.desk()
      const change = await keyring.rotate({
        ...(alg === undefined ? {} : { alg }),
        ...(now ? { now } : {}),
        dryRun,
        actor: invocation.actor,
      })
      printer.result({ json }, changeJson(change, dryRun), () => printChange(printer, change, dryRun))
    })
  withExample(withDryRun(withJson(command)), 'claviger keys rotate --alg ES256 --dry-run')
}
