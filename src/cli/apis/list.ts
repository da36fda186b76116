import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { duration, fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { apiJson, ttlSecondsOf } from './api-view.ts'
import { refusedScopes } from './refused-scopes.ts'

/** `apis list`. */
export const apisList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('list')
    .description('all APIs')
    .action(async (options: JsonOption) => {
      const desk = await invocation.desk()
      const apis = await desk.apis.list()
      const refused = await refusedScopes(desk)
      printer.result(
        options,
        apis.map((api) => apiJson(api, desk.config)),
        () => {
          if (apis.length === 0) printer.line('There is no API yet.')
          else printApis()
          printRefused()
        },
      )
      if (apis.length === 0) printer.next('apis add https://api.example.org')

      function printApis() {
        printer.table(
          ['AUDIENCE', 'NAME', 'SCOPES', 'TOKENS LIVE', 'ALG', 'ADDED'],
          apis.map((api) => [
            api.audience,
            api.name ?? '–',
            api.scopes.join(' ') || '–',
            duration(ttlSecondsOf(api, desk.config)),
            api.alg,
            { text: fromNow(api.createdAt, printer.now()), tone: 'dim' },
          ]),
        )
      }

      function printRefused() {
        if (refused.length === 0) return
        printer.line()
        printer.line({ text: 'Refused scopes', tone: 'strong' })
        printer.table(
          ['CLIENT', 'SCOPE', 'LAST REFUSED'],
          refused.map(({ clientId, scope, at }) => [
            clientId,
            scope,
            { text: fromNow(at, printer.now()), tone: 'dim' },
          ]),
        )
        printer.note("'claviger clients explain <client_id>' shows how to fix it.")
      }
    })
  withExample(withJson(command), 'claviger apis list')
}
