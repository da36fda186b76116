import { Failure } from '../../errors/failure.ts'
import {
  type DryRunOption,
  type JsonOption,
  withDryRun,
  withExample,
  withJson,
  withYes,
  type YesOption,
} from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { isConfirmed } from '../secret-input.ts'
import { changeJson, printChange } from './key-view.ts'

interface Options extends JsonOption, DryRunOption, YesOption {
  compromised?: boolean
  all?: boolean
}

/** `keys revoke`: for a key that leaked. The standby, which every cache holds already, takes over in the same step. */
export const keysRevoke: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('revoke')
    .description('a key leaked: it leaves the JWKS at once, the standby signs, everything it signed is void')
    .argument('[kid]', 'of the key, from keys list')
    .option('--compromised', 'say that this is meant')
    .option('--all', 'the whole store leaked: revoke every key and make fresh ones')
    .action(async (kid: string | undefined, options: Options) => {
      const { compromised = false, all = false, dryRun = false } = options
      if (all === (kid !== undefined)) {
        throw new Failure('key_unnamed', 'invalid', 'Name the key to revoke, or say --all.')
      }
      const { keyring } = await invocation.desk()
      const question = `Revoke ${kid ?? 'every key'}? Everything signed by it becomes void.`
      if (!dryRun && compromised && !(await isConfirmed(invocation, options, question))) {
        printer.note('Nothing was changed.')
        invocation.exitCode = 1
        return
      }
      const change =
        kid === undefined
          ? await keyring.revokeAll({ compromised, dryRun, actor: invocation.actor })
          : await keyring.revoke(kid, { compromised, dryRun, actor: invocation.actor })
      printer.result(options, changeJson(change, dryRun), () => printChange(printer, change, dryRun))
    })
  withExample(withYes(withDryRun(withJson(command))), 'claviger keys revoke 4f1c9b7e --compromised --dry-run')
}
