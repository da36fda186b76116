import { withExample } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'

/** `keys export --public`: private keys cannot be exported. */
export const keysExport: AddCommand = (parent, invocation) => {
  const command = parent
    .command('export')
    .description('print the public keys as a JWKS')
    .requiredOption('--public', 'public keys; private keys cannot be exported')
    .option('--json', 'accepted for consistency: the JWKS is always JSON')
    .action(async () => {
      const { keyring } = await invocation.desk()
      invocation.printer.json(await keyring.publicJwks())
    })
  withExample(command, 'claviger keys export --public > jwks.json')
}
