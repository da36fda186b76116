import { createApiCredentials } from '../../operations/apis/credentials.ts'
import { printSecret } from '../clients/client-view.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { audienceArgument, getApi } from './api-view.ts'

/** `apis credentials`: creates credentials as `apis add --with-credentials` does, for an existing API. */
export const apisCredentials: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('credentials')
    .description('create credentials for an API itself, to read the revocation feed and introspect its tokens')
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
