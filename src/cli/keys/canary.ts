import type { CanaryKey, CanaryReport } from '../../keyring/canary.ts'
import { getClient } from '../clients/client-view.ts'
import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import { fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import type { Printer } from '../printer.ts'
import { wrongUsage } from '../usage.ts'
import { changeJson, printChange } from './key-view.ts'

interface Options extends JsonOption, DryRunOption {
  client?: string
  off?: boolean
}

/** `keys canary`: one app gets the next key before everybody does, and how that goes. */
export const keysCanary: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('canary')
    .description(
      'have each next key sign for one app first, once it has been published long enough; or tell how it does',
    )
    .option('--client <client_id>', 'the app, from now on and at every rotation')
    .option('--off', 'no app: the next key signs for nobody until it signs for all')
    .action(async ({ client, off, dryRun = false, json }: Options) => {
      if (client !== undefined && off) {
        throw wrongUsage('canary_ambiguous', 'Name a client or say --off, not both.')
      }
      const desk = await invocation.desk()
      if (client === undefined && !off) {
        const report = await desk.keyring.canary()
        return printer.result({ json }, reportJson(report), () => printReport(printer, report))
      }
      if (client !== undefined) await getClient(desk, client)
      const change = await desk.keyring.nameCanary(client, { dryRun, actor: invocation.actor })
      printer.result({ json }, changeJson(change, dryRun), () => printChange(printer, change, dryRun))
    })
  withExample(
    withDryRun(withJson(command)),
    'claviger keys canary --client shop',
    'claviger keys canary',
    'claviger keys canary --off',
  )
}

const reportJson = ({ clientId, keys }: CanaryReport) => ({
  client_id: clientId ?? null,
  keys: keys.map((key) => ({
    kid: key.kid,
    alg: key.alg,
    state: key.state,
    canary_at: key.canaryAt ?? null,
    may_begin_at: key.mayBeginAt ?? null,
    token_requests: key.tokenRequests,
    refreshes: key.refreshes,
    early_refreshes: key.earlyRefreshes,
    verifiers_without_it: key.lagging,
    verifiers_missing_it: key.missing,
    misses: key.misses,
  })),
})

function printReport(printer: Printer, { clientId, keys }: CanaryReport): void {
  if (clientId === undefined) {
    printer.line('There is no canary: the next key signs for all at once.')
    printer.next('keys canary --client <client_id>')
    return
  }
  const now = printer.now()
  printer.line(`Each next key signs for ${clientId} first.`)
  printer.table(
    ['KID', 'ALG', 'SIGNS FOR', 'TOKEN REQUESTS', 'REFRESHES', 'TOO EARLY', 'MISSES', 'STILL WITHOUT IT'],
    keys.map((key) => [
      key.kid,
      key.alg,
      dutyOf(key, clientId, now),
      String(key.tokenRequests),
      String(key.refreshes),
      shareOf(key),
      String(key.misses),
      [...new Set([...key.lagging, ...key.missing])].join(', ') || '–',
    ]),
  )
  printer.line(
    'An app whose tokens are refused comes back too early: compare with the key that signs for all. A miss is a verifier\nthat met the key and did not know it.',
  )
}

const dutyOf = ({ state, canaryAt, mayBeginAt }: CanaryKey, clientId: string, now: Date): string => {
  if (state !== 'pending') return 'all'
  return canaryAt ? `${clientId}, ${fromNow(canaryAt, now)}` : `nobody; ${clientId} ${fromNow(mayBeginAt, now)}`
}

const shareOf = ({ refreshes, earlyRefreshes }: CanaryKey): string =>
  refreshes === 0 ? '–' : `${earlyRefreshes} (${Math.round((100 * earlyRefreshes) / refreshes)} %)`
