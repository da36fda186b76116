import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { clientJson, getClient, printClient } from './client-view.ts'

/** `clients show`. */
export const clientsShow: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('show')
    .description('one client with all its settings')
    .argument('<client_id>')
    .action(async (id: string, options: JsonOption) => {
      const client = await getClient(await invocation.desk(), id)
      printer.result(options, clientJson(client), () => printClient(printer, client))
    })
  withExample(withJson(command), 'claviger clients show shop-1f6a0c2b93de')
}
