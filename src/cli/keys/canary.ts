import type { CanaryKey, CanaryReport } from '../../keyring/readiness/canary.ts'
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

/** `keys canary`: the next key signs for one app first. Without options the command reports on it. */
export const keysCanary: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('canary')
    .description('let each next key sign for one app first, once it has been published long enough; or report on it')
    .option('--client <client_id>', 'the app, at this and every later rotation')
    .option('--off', 'no app: the next key signs for no app until it signs for all')
    .action(async ({ client, off, dryRun = false, json }: Options) => {
      if (client !== undefined && off) {
        throw wrongUsage('canary_ambiguous', 'Choose one of --client and --off.')
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
    'An app whose tokens are refused refreshes too early: compare with the key that signs for all. A miss is a verifier\nthat received a token of the key and did not have the key.',
  )
}

const dutyOf = ({ state, canaryAt, mayBeginAt }: CanaryKey, clientId: string, now: Date): string => {
  if (state !== 'pending') return 'all'
  return canaryAt ? `${clientId}, ${fromNow(canaryAt, now)}` : `none yet; ${clientId} ${fromNow(mayBeginAt, now)}`
}

const shareOf = ({ refreshes, earlyRefreshes }: CanaryKey): string =>
  refreshes === 0 ? '–' : `${earlyRefreshes} (${Math.round((100 * earlyRefreshes) / refreshes)} %)`
