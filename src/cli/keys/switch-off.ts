import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { changeJson, printChange } from './key-view.ts'

/** `keys switch-off`: retires the key of an algorithm that is no longer configured. Its tokens verify until they expire. */
export const keysSwitchOff: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('switch-off')
    .description('retire the key of an algorithm that CLAVIGER_SIGNING_ALGORITHMS no longer names')
    .argument('<alg>', 'such as EdDSA')
    .action(async (alg: string, options: JsonOption & DryRunOption) => {
      const { dryRun = false } = options
      const { keyring } = await invocation.desk()
      const change = await keyring.switchOff(alg, { dryRun, actor: invocation.actor })
      printer.result(options, changeJson(change, dryRun), () => printChange(printer, change, dryRun))
    })
  withExample(withDryRun(withJson(command)), 'claviger keys switch-off EdDSA --dry-run')
}
