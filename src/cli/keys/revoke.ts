import type { BlastRadius } from '../../keyring/cycle/blast-radius.ts'
import { heardJson } from '../bound.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import type { DeskKeyring } from '../desk.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { wrongUsage } from '../usage.ts'
import { printRadius, radiusJson } from './blast-radius-view.ts'
import { changeJson, printChange } from './key-view.ts'

interface Options extends ConfirmedOptions {
  compromised?: boolean
  all?: boolean
  endGrants?: boolean
}

/** `keys revoke`: for a key that leaked. The standby key, which caches already have, signs from the same step on. */
export const keysRevoke: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('revoke')
    .description(
      'revoke a leaked key: it leaves the JWKS at once, the standby signs, and every token that it signed is revoked',
    )
    .argument('[kid]', 'key id, from keys list')
    .option('--compromised', 'confirm that the key leaked')
    .option('--all', 'the whole store leaked: revoke every key and create new ones')
    .option('--end-grants', 'also end the grants and refresh tokens of the apps that it signed for')
    .action(async (kid: string | undefined, options: Options) => {
      const { compromised = false, all = false, dryRun = false } = options
      if (all === (kid !== undefined)) {
        throw wrongUsage('key_unnamed', 'Name the key to revoke, or use --all.')
      }
      const { keyring, nodes } = await invocation.desk()
      const question = `Revoke ${kid ?? 'every key'}? Every token that it signed is revoked.`
      if (!dryRun && compromised && !(await isConfirmed(invocation, options, question))) return
      const radius = await Promise.all((await namedKeys(keyring, kid)).map((one) => keyring.blastRadius(one)))
      const change =
        kid === undefined
          ? await keyring.revokeAll({ compromised, dryRun, actor: invocation.actor })
          : await keyring.revoke(kid, { compromised, dryRun, actor: invocation.actor })
      const ended = options.endGrants ? await endGrants(keyring, radius, dryRun) : undefined
      const heard = dryRun ? undefined : await nodes.confirm()
      const data = {
        ...changeJson(change, dryRun),
        blast_radius: radius.map(radiusJson),
        ended_grants: ended ?? null,
        ...(heard ? heardJson(heard) : {}),
      }
      printer.result(options, data, () => {
        printChange(printer, change, dryRun, heard)
        for (const one of radius) printRadius(printer, one)
        if (ended !== undefined && !dryRun) printer.line(`${counted(ended, 'grant')} of these apps ended.`)
      })
    })
  withExample(withConfirmation(command), 'claviger keys revoke 4f1c9b7e --compromised --dry-run')
}

/** The kids to revoke, read before the change. The revocation refuses an unknown kid. */
async function namedKeys(keyring: DeskKeyring, kid: string | undefined): Promise<string[]> {
  const kids = (await keyring.list()).filter(({ state }) => state !== 'revoked').map((key) => key.kid)
  return kid === undefined ? kids : kids.filter((one) => one === kid)
}

async function endGrants(keyring: DeskKeyring, radius: readonly BlastRadius[], dryRun: boolean): Promise<number> {
  const clients = new Set(radius.flatMap((one) => one.clients.map(({ clientId }) => clientId)))
  return dryRun ? 0 : keyring.endClients([...clients])
}
