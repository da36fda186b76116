import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { changeJson, printChange } from './key-view.ts'

interface Options extends JsonOption, DryRunOption {
  alg?: string
  now?: boolean
}

/** `keys rotate`: rotates ahead of schedule. Only `--now` can break verifiers that have not fetched the key yet. */
export const keysRotate: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('rotate')
    .description('let the standby key sign as soon as it has been published long enough')
    .option('--alg <alg>', 'this algorithm only (default: all)')
    .option('--now', 'rotate at once, even if some verifiers have not fetched the key yet')
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
