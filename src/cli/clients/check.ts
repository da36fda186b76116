import { type Explanation, explainOrigin, explainRedirectUri } from '../../clients/explain-redirect.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { collect } from '../option-values.ts'
import { wrongUsage } from '../usage.ts'
import { getClient } from './client-view.ts'

interface Options extends JsonOption {
  origin?: string[]
  redirectUri?: string[]
}

/** `clients check`: why an origin or a redirect URI is refused, part by part. Exits with 1 if one is refused. */
export const clientsCheck: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('check')
    .description('check whether an origin or redirect URI is accepted, and show what differs')
    .argument('<client_id>')
    .option('--origin <origin>', 'origin as the browser sends it (repeat for more)', collect)
    .option('--redirect-uri <uri>', 'redirect URI as the app sends it (repeat for more)', collect)
    .action(async (id: string, { origin = [], redirectUri = [], json }: Options) => {
      if (origin.length + redirectUri.length === 0) {
        throw wrongUsage('nothing_to_check', 'Use --origin, --redirect-uri or both.')
      }
      const client = await getClient(await invocation.desk(), id)
      const checks = [
        ...redirectUri.map((uri) => ({ checked: 'redirect_uri', ...explainRedirectUri(client, uri) })),
        ...origin.map((each) => ({ checked: 'origin', ...explainOrigin(client, each) })),
      ]
      printer.result({ json }, { client_id: client.id, checks: checks.map(asJson) }, () => {
        for (const check of checks) {
          const verdict = check.allowed
            ? ({ text: 'accepted', tone: 'good' } as const)
            : ({ text: 'refused', tone: 'bad' } as const)
          printer.line(verdict, ` ${check.checked.replace('_', ' ')} ${check.received}`)
          if (!check.allowed) printer.line(`  ${check.difference}`)
        }
      })
      if (checks.some((check) => !check.allowed)) invocation.exitCode = 1
    })
  withExample(
    withJson(command),
    'claviger clients check shop-1f6a0c2b93de --origin https://shop.example.org --redirect-uri https://shop.example.org/callback',
  )
}

const asJson = ({ checked, allowed, received, closest, difference }: Explanation & { checked: string }) => ({
  checked,
  allowed,
  received,
  closest: closest ?? null,
  difference,
})
