import type { Api } from '../../clients/client.ts'
import { type ApiChanges, changedApi } from '../../clients/new-api.ts'
import { updateApi } from '../../operations/apis/update.ts'
import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { Desk } from '../desk.ts'
import type { Invocation } from '../invocation.ts'
import { dated } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { collect, type TypedDuration, typedDuration } from '../option-values.ts'
import { wrongUsage } from '../usage.ts'
import { scopeTextsOf, withTexts } from './api-options.ts'
import { apiJson, audienceArgument, getApi, printApi, ttlSecondsOf } from './api-view.ts'

interface Options extends JsonOption, DryRunOption {
  name?: string
  scope?: string[]
  addScope?: string[]
  removeScope?: string[]
  scopeText?: string[]
  ttl?: TypedDuration | 'default'
}

/** `apis set`: changes the given settings of an API; its clients stay registered for it. */
export const apisSet: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('set')
    .description('change an API; its clients stay registered for it, and other settings stay unchanged')
    .argument(...audienceArgument)
    .option('--scope <scope>', 'a scope of the API; replaces all scopes (repeat for more)', collect)
    .option('--add-scope <scope>', 'add a scope (repeat for more)', collect)
    .option('--remove-scope <scope>', 'remove a scope (repeat for more)', collect)
    .option(
      '--ttl <duration>',
      "lifetime of its access tokens, such as 5m; 'default' for that of the deployment",
      ttlOf,
    )
    .action(async (audience: string, options: Options) => {
      const desk = await invocation.desk()
      const before = await getApi(desk, audience)
      const changes = changesOf(before, options)
      const after: Api = options.dryRun
        ? { ...before, ...changedApi(before, changes) }
        : await invocation.perform(updateApi, { audience, changes })
      printer.result(options, { ...apiJson(after, desk.config), ...(options.dryRun ? { dry_run: true } : {}) }, () =>
        printApi(printer, after, desk.config, typedTtl(options)),
      )
      if (options.dryRun) return printer.note('Dry run: nothing was changed.')
      printer.note('Changed. Nodes connected to this database apply it within a second.')
      noteOldTokens(invocation, desk, before, after)
    })
  withTexts(command)
  withExample(
    withDryRun(withJson(command)),
    "claviger apis set https://api.example.org --name 'Order service' --scope-text 'orders:read=Read your orders'",
    'claviger apis set https://api.example.org --add-scope orders:cancel --ttl 5m',
  )
}

const ttlOf = (value: string): TypedDuration | 'default' => (value === 'default' ? value : typedDuration(value))

const typedTtl = ({ ttl }: Options): TypedDuration | undefined => (ttl === 'default' ? undefined : ttl)

const fieldsOf = ({ name, scope, addScope, removeScope, scopeText, ttl }: Options): string[] =>
  Object.entries({ name, scopes: scope ?? addScope ?? removeScope, scopeTexts: scopeText, ttl })
    .filter(([, value]) => value !== undefined)
    .map(([field]) => field)

/** @throws Failure `nothing_to_set`, `list_entry_missing`. */
function changesOf(api: Api, options: Options): ApiChanges {
  if (fieldsOf(options).length === 0) throw wrongUsage('nothing_to_set', 'Say what to change.')
  const { name, scope, addScope, removeScope, scopeText = [], ttl } = options
  const known = changedApi(api, scopeChangesOf(options)).scopes
  const texts = Object.entries(scopeTextsOf(scopeText, known)).map(([each, text]) => [each, text === '' ? null : text])
  return {
    ...(name === undefined ? {} : { name: name === '' ? null : name }),
    ...scopeChangesOf({ scope, addScope, removeScope }),
    ...(texts.length === 0 ? {} : { scopeTexts: Object.fromEntries(texts) }),
    ...(ttl === undefined ? {} : { ttlSeconds: ttl === 'default' ? null : ttl.seconds }),
  }
}

const scopeChangesOf = ({ scope, addScope, removeScope }: Pick<Options, 'scope' | 'addScope' | 'removeScope'>) => ({
  ...(scope ? { scopes: scope } : {}),
  ...(addScope ? { addScopes: addScope } : {}),
  ...(removeScope ? { removeScopes: removeScope } : {}),
})

/** A change of the API does not change issued tokens. */
function noteOldTokens({ printer }: Invocation, { config }: Desk, before: Api, after: Api): void {
  const seconds = ttlSecondsOf(before, config)
  const isNarrower = before.scopes.some((scope) => !after.scopes.includes(scope))
  if (!isNarrower && ttlSecondsOf(after, config) >= seconds) return
  const until = dated(new Date(printer.now().getTime() + seconds * 1000), printer.now())
  const kept = isNarrower ? 'their scopes and lifetime' : 'their lifetime'
  printer.note(`Access tokens issued before keep ${kept}; the last expires by ${until}.`)
  printer.note(`To revoke them now: ${printer.program} tokens revoke --client <client_id>`)
}
