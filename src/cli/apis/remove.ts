import { removeApi } from '../../operations/apis/remove.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import type { AddCommand } from '../nouns.ts'
import { apiJson, audienceArgument, getApi } from './api-view.ts'

/** `apis remove`: refused while a client is registered for it. */
export const apisRemove: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('remove')
    .description('remove an API that no client is registered for')
    .argument(...audienceArgument)
    .action(async (audience: string, options: ConfirmedOptions) => {
      const desk = await invocation.desk()
      const api = await getApi(desk, audience)
      if (options.dryRun) {
        const users = (await desk.clients.list()).filter((client) => client.apis.includes(audience)).map(({ id }) => id)
        const verdict =
          users.length === 0
            ? `Would remove ${audience}.`
            : `Would refuse: these clients are registered for it: ${users.join(', ')}.`
        printer.result(options, { ...apiJson(api, desk.config), dry_run: true, clients: users }, () =>
          printer.line(verdict),
        )
        return
      }
      if (!(await isConfirmed(invocation, options, `Remove ${audience}?`))) return
      await invocation.perform(removeApi, { audience })
      printer.result(options, { ...apiJson(api, desk.config), removed: true }, () =>
        printer.line({ text: 'Removed', tone: 'good' }, ` ${audience}.`),
      )
    })
  withExample(withConfirmation(command), 'claviger apis remove https://api.example.org')
}
