import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { Client } from '../../clients/client.ts'
import { usesRedirects } from '../../clients/grant-types.ts'
import { Failure } from '../../errors/failure.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { Desk } from '../desk.ts'
import type { AddCommand } from '../nouns.ts'
import { getPerson } from '../users/person.ts'
import { getClient } from './client-view.ts'

interface Options extends JsonOption {
  user: string
  scope?: string
}

/** `clients preview`: what an app would receive about a person, by a sign-in that stores nothing. */
export const clientsPreview: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('preview')
    .description('the ID token, userinfo and access token that this app would get for this person')
    .argument('<client_id>')
    .requiredOption('--user <person>', 'email address or account id (acc_…)')
    .option(
      '--scope <scopes>',
      'scope as the app requests it, separated by blanks (default: every identity scope, and every scope of its first API)',
    )
    .action(async (id: string, { user, scope, json }: Options) => {
      const desk = await invocation.desk()
      const client = await getClient(desk, id)
      if (!usesRedirects(client)) {
        throw new Failure('preview_impossible', 'invalid', `A ${client.preset} client has no sign-in by browser.`)
      }
      const account = await getPerson(desk, user)
      if (account.disabledAt)
        throw new Failure('account_disabled', 'denied', 'This person is disabled, so no app receives tokens.')
      const preview = await desk.preview(client, account, scope ?? (await wholeScope(desk, client)))
      const parts = {
        scope: preview.scope,
        id_token: opened(preview.idToken),
        userinfo: preview.userinfo ?? null,
        access_token: opened(preview.accessToken),
      }
      printer.result({ json }, parts, () => {
        for (const [name, content] of Object.entries(parts)) {
          printer.line({ text: name.replace('_', ' '), tone: 'strong' })
          printer.line(typeof content === 'string' ? content : JSON.stringify(content ?? absent[name], undefined, 2))
        }
      })
      printer.note('Nothing was changed. The keys that signed these tokens no longer exist.')
    })
  withExample(withJson(command), 'claviger clients preview shop-1f6a0c2b93de --user ada@example.org')
}

async function wholeScope(desk: Pick<Desk, 'apis'>, { apis: [first] }: Client): Promise<string> {
  const api = first === undefined ? undefined : await desk.apis.find(first)
  return ['openid', 'profile', 'email', 'address', 'phone', ...(api?.scopes ?? [])].join(' ')
}

/** The text for a part that the app does not receive or cannot read. */
const absent: Readonly<Record<string, string>> = {
  access_token: 'opaque',
  userinfo: 'refused: this access token is for an API, and the ID token has the claims',
}

/** Undefined for an opaque token, which has no claims. */
const opened = (token: string) =>
  token.startsWith('eyJ') ? { header: decodeProtectedHeader(token), payload: decodeJwt(token) } : undefined
