import { createApiCredentials } from '../../operations/apis/credentials.ts'
import { printSecret } from '../clients/client-view.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { audienceArgument, getApi } from './api-view.ts'

/** `apis credentials`: more of what `apis add --with-credentials` gives, for an API that is there already. */
export const apisCredentials: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('credentials')
    .description('make credentials for an API itself: it reads the revocation feed and introspects its own tokens')
    .argument(...audienceArgument)
    .action(async (audience: string, options: JsonOption) => {
      const desk = await invocation.desk()
      await getApi(desk, audience)
      const made = await invocation.perform(createApiCredentials, { audience })
      printer.result(options, { audience, ...made }, () => {
        printer.fields([['client_id', made.client_id]])
        printSecret(printer, made.client_secret)
      })
    })
  withExample(withJson(command), 'claviger apis credentials https://api.example.org --json')
}
