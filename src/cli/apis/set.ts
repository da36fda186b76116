import type { Api } from '../../clients/client.ts'
import { type ApiChanges, changedApi } from '../../clients/new-api.ts'
import { Failure } from '../../errors/failure.ts'
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

/** `apis set`: changes what an API says of itself; the clients that are registered for it stay so. */
export const apisSet: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('set')
    .description('change an API; its clients stay registered for it, and what is not named stays as it is')
    .argument(...audienceArgument)
    .option('--scope <scope>', 'a scope it knows; replaces all of them (repeat for more)', collect)
    .option('--add-scope <scope>', 'one more scope (repeat for more)', collect)
    .option('--remove-scope <scope>', 'one scope less (repeat for more)', collect)
    .option('--ttl <duration>', "how long its access tokens live, such as 5m; 'default' for the deployment's", ttlOf)
    .action(async (audience: string, options: Options) => {
      const desk = await invocation.desk()
      const before = await getApi(desk, audience)
      const changed = changedApi(before, changesOf(before, options))
      const after: Api = options.dryRun
        ? { ...before, ...changed }
        : // The change is made again on what is stored by now, so that of two changes at once neither is lost.
          await desk.apis.update(audience, (api) => changedApi(api, changesOf(api, options)))
      if (!options.dryRun) {
        const fields = fieldsOf(options)
        desk.events.record({ kind: 'api.changed', actor: invocation.actor, detail: { audience, fields } })
      }
      printer.result(options, { ...apiJson(after, desk.config), ...(options.dryRun ? { dry_run: true } : {}) }, () =>
        printApi(printer, after, desk.config, typedTtl(options)),
      )
      if (options.dryRun) return printer.note('This is how it would be; nothing was changed.')
      printer.note('Changed; running nodes follow within a second.')
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
  const { name, scope, scopeText = [], ttl } = options
  const scopes = changedScopes(api, options)
  const texts = Object.entries(scopeTextsOf(scopeText, scopes)).map(([each, text]) => [each, text === '' ? null : text])
  return {
    ...(name === undefined ? {} : { name: name === '' ? null : name }),
    ...(scope || scopes !== api.scopes ? { scopes } : {}),
    ...(texts.length === 0 ? {} : { scopeTexts: Object.fromEntries(texts) }),
    ...(ttl === undefined ? {} : { ttlSeconds: ttl === 'default' ? null : ttl.seconds }),
  }
}

function changedScopes(api: Api, { scope, addScope = [], removeScope = [] }: Options): readonly string[] {
  const base = scope ?? api.scopes
  if (addScope.length + removeScope.length === 0) return base
  const unknown = removeScope.find((each) => !base.includes(each))
  if (unknown !== undefined) {
    throw new Failure('list_entry_missing', 'invalid', `${api.audience} has no scope "${unknown}".`, {
      detail: { hints: base.map((each) => `it has ${each}`) },
    })
  }
  const kept = base.filter((each) => !removeScope.includes(each))
  return [...kept, ...addScope.filter((each) => !kept.includes(each))]
}

/** A signed token says what it said when it was issued. */
function noteOldTokens({ printer }: Invocation, { config }: Desk, before: Api, after: Api): void {
  const seconds = ttlSecondsOf(before, config)
  const isNarrower = before.scopes.some((scope) => !after.scopes.includes(scope))
  if (!isNarrower && ttlSecondsOf(after, config) >= seconds) return
  const until = dated(new Date(printer.now().getTime() + seconds * 1000), printer.now())
  const kept = isNarrower ? 'their scopes and lifetime' : 'their lifetime'
  printer.note(`Access tokens that were issued before keep ${kept}; the last expires by ${until}.`)
  printer.note(`To end them now: ${printer.program} tokens revoke --client <client_id>`)
}
