import { withExample } from './command-options.ts'
import type { AddCommand } from './nouns.ts'

/** `signer`: holds the private keys until a signal ends the process. Start it before the server, as the same user. */
export const signer: AddCommand = (command, invocation) => {
  command
    .option('--socket <path>', 'listen here instead of CLAVIGER_SIGNER_SOCKET')
    .action(async (options: { socket?: string }) => {
      const { socket, fingerprint, stopped } = await invocation.serveSigner(invocation.env, options)
      invocation.printer.note(`Signing on ${socket} with the key-encryption key ${fingerprint}.`)
      await stopped
    })
  withExample(command, 'claviger signer --socket /run/claviger/signer.sock')
}
