import { Option } from 'commander'
import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { readSecret, readSecretFile } from '../secret-input.ts'
import { changeJson, printChange } from './key-view.ts'

interface Options extends JsonOption, DryRunOption {
  alg?: string
  as: 'standby' | 'retired'
}

/** `keys import`: imports a private key of another provider from a file or stdin. */
export const keysImport: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('import')
    .description('import a private key of another provider, as PEM or JWK')
    .argument('<file>', 'file with the key, or - for stdin')
    .option('--alg <alg>', 'signing algorithm, if the key allows several')
    .addOption(
      new Option('--as <state>', 'standby: it signs next; retired: it only verifies')
        .choices(['standby', 'retired'])
        .default('standby'),
    )
    .action(async (file: string, { alg, as, dryRun = false, json }: Options) => {
      const key =
        file === '-' ? await readSecret(invocation.stdin, 'private key') : await readSecretFile(file, 'private key')
      const { keyring } = await invocation.desk()
      const change = await keyring.import({
        key,
        as,
        dryRun,
        actor: invocation.actor,
        ...(alg === undefined ? {} : { alg }),
      })
      printer.result({ json }, changeJson(change, dryRun), () => printChange(printer, change, dryRun))
    })
  withExample(withDryRun(withJson(command)), 'claviger keys import old-provider.pem --as retired --dry-run')
}
