import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { clientJson } from './client-view.ts'

/** `clients list`. */
export const clientsList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('list')
    .description('all clients')
    .action(async (options: JsonOption) => {
      const desk = await invocation.desk()
      const clients = await desk.clients.list()
      printer.result(options, clients.map(clientJson), () => {
        if (clients.length === 0) return printer.line('There is no client yet.')
        printer.table(
          ['CLIENT ID', 'NAME', 'PRESET', 'APIS', 'ADDED'],
          clients.map((client) => [
            client.id,
            client.name,
            client.firstParty ? `${client.preset}, first-party` : client.preset,
            client.apis.join(' ') || '–',
            { text: fromNow(client.createdAt, printer.now()), tone: 'dim' },
          ]),
        )
      })
      if (clients.length === 0)
        printer.next("clients add --preset spa --name 'My app' --redirect-uri http://localhost:5173/callback")
    })
  withExample(withJson(command), 'claviger clients list')
}
