import { newApi } from '../../clients/new-api.ts'
import { createApi } from '../../operations/apis/create.ts'
import { createApiCredentials } from '../../operations/apis/credentials.ts'
import { printSecret } from '../clients/client-view.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { duration } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { collect, type TypedDuration, typedDuration } from '../option-values.ts'
import { refuseUnusedAlgorithm } from '../signing-alg.ts'
import { scopeTextsOf, withTexts } from './api-options.ts'
import { apiJson } from './api-view.ts'

interface Options extends JsonOption {
  name?: string
  scope?: string[]
  scopeText?: string[]
  ttl?: TypedDuration
  alg?: string
  withCredentials?: boolean
}

/** `apis add`: declares all that standard JWT access tokens need (RFC 9068). */
export const apisAdd: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('add')
    .description('add an API; clients registered for it get JWT access tokens with its audience')
    .argument('<audience>', 'the aud of its tokens, a URI such as https://api.example.org')
    .option('--scope <scope>', 'a scope of the API (repeat for more)', collect)
    .option('--ttl <duration>', 'lifetime of its access tokens, such as 5m', typedDuration)
    .option('--alg <alg>', 'signing algorithm of its access tokens (default: ES256)')
    .option(
      '--with-credentials',
      'create credentials for the API itself, to read the revocation feed and introspect its tokens',
    )
    .action(async (audience: string, options: Options) => {
      const { name, scope = [], scopeText = [], ttl, alg, json, withCredentials } = options
      const scopeTexts = scopeTextsOf(scopeText, scope)
      const input = newApi({ audience, name, scopes: scope, scopeTexts, ttlSeconds: ttl?.seconds, alg })
      const desk = await invocation.desk()
      refuseUnusedAlgorithm(desk.config, input.alg)
      const api = await invocation.perform(createApi, { api: input })
      const credentials = withCredentials ? await invocation.perform(createApiCredentials, { audience }) : undefined
      printer.result({ json }, { ...apiJson(api, desk.config), ...credentials }, () => {
        const lifetime = ttl?.text ?? duration(desk.config.accessTokenSeconds)
        printer.line(
          { text: 'Added', tone: 'good' },
          ` ${api.audience}: access tokens signed ${api.alg}, good for ${lifetime}.`,
        )
        if (credentials) {
          printer.fields([['client_id', credentials.client_id]])
          printSecret(printer, credentials.client_secret)
        }
      })
      printer.next(
        `clients add --preset spa --name 'My app' --redirect-uri http://localhost:5173/callback --api ${api.audience}`,
      )
    })
  withTexts(command)
  withExample(
    withJson(command),
    'claviger apis add https://api.example.org --scope orders:read --scope orders:write --ttl 5m',
    "claviger apis add https://api.example.org --name 'Order service' --scope orders:read --scope-text 'orders:read=Read your orders'",
  )
}
