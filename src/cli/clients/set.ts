import type { Client } from '../../clients/client.ts'
import { withFreshSecret } from '../../clients/client-secret.ts'
import { type ClientChanges, changedClient } from '../../clients/new-client.ts'
import { updateClient } from '../../operations/clients/update.ts'
import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { collect } from '../option-values.ts'
import { refuseUnusedAlgorithm } from '../signing-alg.ts'
import { wrongUsage } from '../usage.ts'
import { type ClientOptions, changesOf, withClientOptions } from './client-options.ts'
import { clientJson, getClient, printClient, printSecret } from './client-view.ts'
import { changedLists, type ListOptions } from './list-changes.ts'

interface Options extends ClientOptions, ListOptions, JsonOption, DryRunOption {}

/** `clients set`: changes the given settings only. */
export const clientsSet: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('set')
    .description(
      'change a client; list options replace a list, --add-… and --remove-… change it; an empty URI clears the setting',
    )
    .argument('<client_id>')
    .option('--name <name>', 'name on the sign-in page')
    .action(async (id: string, options: Options) => {
      const given = await changesOf(options)
      const desk = await invocation.desk()
      const client = await getClient(desk, id)
      const changes: ClientChanges = { ...given, ...changedLists(client, options) }
      if (Object.keys(changes).length === 0) {
        throw wrongUsage('nothing_to_set', 'Say what to change.')
      }
      const { createdAt: _, updatedAt: __, ...before } = client
      // A dry run shows the checked result too.
      const { client: complete } = withFreshSecret(changedClient(before, changes))
      if (changes.idTokenAlg !== undefined) refuseUnusedAlgorithm(desk.config, complete.idTokenAlg)
      const { id: ___, ...whole } = complete
      const done = options.dryRun ? undefined : await invocation.perform(updateClient, { client_id: id, changes })
      const after: Client = done?.client ?? { ...client, ...whole }
      const secret = done?.secret
      const shown = options.dryRun ? { dry_run: true } : secret ? { client_secret: secret } : {}
      printer.result(options, { ...clientJson(after), ...shown }, () => {
        printClient(printer, after)
        if (secret && !options.dryRun) printSecret(printer, secret)
      })
      printer.note(
        options.dryRun
          ? 'Dry run: nothing was changed.'
          : 'Changed. Nodes connected to this database apply it within a second.',
      )
    })
  withClientOptions(command)
  for (const [name, value] of [
    ['redirect-uri', 'uri'],
    ['post-logout-redirect-uri', 'uri'],
    ['origin', 'origin'],
    ['api', 'audience'],
    ['right', 'right'],
  ]) {
    command.option(`--add-${name} <${value}>`, `add one ${name}`, collect)
    command.option(`--remove-${name} <${value}>`, `remove one ${name}`, collect)
  }
  withExample(
    withDryRun(withJson(command)),
    'claviger clients set shop-1f6a0c2b93de --add-redirect-uri https://shop.example.org/callback',
    'claviger clients set portal-0b1c2d3e4f5a --pkce optional',
  )
}
