import { digestOfSecret, needsSecret, newClientSecret, ownSecretDigest } from '../../clients/client-secret.ts'
import { Failure } from '../../errors/failure.ts'
import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { readOwnSecret } from './add.ts'
import { clientJson, getClient, printSecret } from './client-view.ts'

interface Options extends JsonOption, DryRunOption {
  secretStdin?: boolean
  secretFile?: string
}

/** `clients rotate-secret`: the old one stops working at once. */
export const clientsRotateSecret: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('rotate-secret')
    .description('give a client a new secret, shown once; the old one stops working at once')
    .argument('<client_id>')
    .option('--secret-stdin', 'bring the new secret along, on stdin')
    .option('--secret-file <path>', 'bring the new secret along, in a file')
    .action(async (id: string, options: Options) => {
      const own = await readOwnSecret(invocation, options)
      const desk = await invocation.desk()
      const client = await getClient(desk, id)
      if (!needsSecret(client)) {
        throw new Failure(
          'client_has_no_secret',
          'conflict',
          `${client.id} authenticates by ${client.tokenEndpointAuthMethod} and has no secret.`,
        )
      }
      const fresh = own.secret === undefined ? newClientSecret() : undefined
      const secretDigest = fresh === undefined ? ownSecretDigest(own.secret ?? '') : digestOfSecret(fresh)
      if (options.dryRun) {
        printer.result(options, { ...clientJson(client), dry_run: true }, () =>
          printer.line(`Would give ${client.id} a new secret.`),
        )
        return
      }
      const after = await desk.clients.update(id, { secretDigest })
      desk.events.record({ kind: 'client.secret-rotated', actor: invocation.actor, clientId: id })
      printer.result(options, { ...clientJson(after), ...(fresh ? { client_secret: fresh } : {}) }, () => {
        printer.line({ text: 'Changed', tone: 'good' }, ` the secret of ${after.id}; the old one no longer works.`)
        if (fresh) printSecret(printer, fresh)
      })
    })
  withExample(withDryRun(withJson(command)), 'claviger clients rotate-secret nightly-job-5d1e2f3a4b5c --json')
}
