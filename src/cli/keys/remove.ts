import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import type { AddCommand } from '../nouns.ts'
import { changeJson, printChange } from './key-view.ts'

/** `keys remove`: refused while a token of the key may still be valid. */
export const keysRemove: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('remove')
    .description('remove a retired key from the JWKS once every token that it signed has expired')
    .argument('<kid>', 'key id, from keys list')
    .action(async (kid: string, options: ConfirmedOptions) => {
      const { dryRun = false } = options
      const { keyring } = await invocation.desk()
      if (!dryRun && !(await isConfirmed(invocation, options, `Remove key ${kid} for good?`))) return
      const change = await keyring.remove(kid, { dryRun, actor: invocation.actor })
      printer.result(options, changeJson(change, dryRun), () => printChange(printer, change, dryRun))
    })
  withExample(withConfirmation(command), 'claviger keys remove 4f1c9b7e')
}
