import { withExample } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'

/** `keys export --public`: private keys never leave. */
export const keysExport: AddCommand = (parent, invocation) => {
  const command = parent
    .command('export')
    .description('print the public keys as a JWKS')
    .requiredOption('--public', 'public keys; private ones never leave')
    .option('--json', 'the JWKS is JSON in any case')
    .action(async () => {
      const { keyring } = await invocation.desk()
      invocation.printer.json(await keyring.publicJwks())
    })
  withExample(command, 'claviger keys export --public > jwks.json')
}
