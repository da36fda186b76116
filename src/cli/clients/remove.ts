import { removeClient } from '../../operations/clients/remove.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { clientJson, getClient } from './client-view.ts'

/** `clients remove`: removes a client and ends its grants, codes and refresh tokens. */
export const clientsRemove: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('remove')
    .description('remove a client for good, with its grants and refresh tokens')
    .argument('<client_id>')
    .action(async (id: string, options: ConfirmedOptions) => {
      const desk = await invocation.desk()
      const client = await getClient(desk, id)
      if (options.dryRun) {
        printer.result(options, { ...clientJson(client), dry_run: true }, () =>
          printer.line(`Would remove ${client.id} (${client.name}) for good.`),
        )
        return
      }
      if (!(await isConfirmed(invocation, options, `Remove ${client.id} (${client.name}) for good?`))) return
      const { grants, refreshTokens } = await invocation.perform(removeClient, { client_id: id })
      const data = { ...clientJson(client), removed: true, grants_ended: grants, refresh_tokens_ended: refreshTokens }
      printer.result(options, data, () =>
        printer.line(
          { text: 'Removed', tone: 'good' },
          ` ${client.id}: ${counted(grants, 'grant')} and ${counted(refreshTokens, 'refresh token')} ended.`,
        ),
      )
    })
  withExample(withConfirmation(command), 'claviger clients remove shop-1f6a0c2b93de --dry-run')
}
