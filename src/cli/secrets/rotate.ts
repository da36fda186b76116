import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import type { RotatedSecrets } from '../desk.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import type { Printer } from '../printer.ts'
import { wrongUsage } from '../usage.ts'

interface Options extends ConfirmedOptions {
  cookies?: boolean
  feed?: boolean
  now?: boolean
}

/** `secrets rotate`: rotates while nodes run; every session stays. */
export const secretsRotate: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('rotate')
    .description(
      'wrap all private keys under a new key-encryption key: the first of two configured keys, or a generated one',
    )
    .option('--cookies', 'instead: create a new key that signs cookies; old keys still verify')
    .option('--feed', 'instead: let the next key sign the revocation feed, and create its successor')
    .option('--now', 'with --feed: rotate even if receivers have not pinned the next key yet')
    .action(async (options: Options) => {
      const { dryRun = false, now = false } = options
      if ((options.cookies && options.feed) || (now && !options.feed)) {
        throw wrongUsage('rotation_ambiguous', 'Choose one of --cookies and --feed; --now requires --feed.')
      }
      const which = options.feed ? 'key of the revocation feed' : options.cookies ? 'cookie key' : 'key-encryption key'
      const { secrets } = await invocation.desk()
      if (!dryRun && !(await isConfirmed(invocation, options, `Rotate the ${which}?`))) return
      if (options.feed) {
        const keys = await secrets.rotateFeedKey({ dryRun, now, actor: invocation.actor })
        const data = { ...(dryRun && { dry_run: true }), current: keys.current, next: keys.next ?? null }
        printer.result(options, data, () => printFeedKeys(printer, keys, dryRun))
        return
      }
      if (options.cookies) {
        const { signsInSeconds } = await secrets.rotateCookieKey({ dryRun, actor: invocation.actor })
        printer.result(options, { ...(dryRun && { dry_run: true }), signs_in_seconds: signsInSeconds }, () =>
          printer.line(
            `A new cookie key ${dryRun ? 'would verify' : 'verifies'} at once and ${dryRun ? 'would sign' : 'signs'} in ${signsInSeconds} seconds. Every session stays.`,
          ),
        )
        return
      }
      const rotated = await secrets.rotate({ dryRun, actor: invocation.actor })
      printer.result(options, asJson(rotated, dryRun), () => print(printer, rotated, dryRun))
    })
  withExample(
    withConfirmation(command),
    'claviger secrets rotate --dry-run',
    'claviger secrets rotate --cookies',
    'claviger secrets rotate --feed',
  )
}

function printFeedKeys(
  printer: Printer,
  { current, next }: { current: string; next: string | undefined },
  dryRun: boolean,
): void {
  printer.line(`${current} ${dryRun ? 'would sign' : 'signs'} the revocation feed.`)
  if (!dryRun) printer.line(`${next} is next.`)
  printer.note(
    dryRun
      ? 'Dry run: nothing was changed.'
      : 'Pin these two in every receiver that pins feed keys, before the next rotation.',
  )
}

const asJson = ({ rows, fingerprint, previous, file, kept }: RotatedSecrets, dryRun: boolean) => ({
  ...(dryRun && { dry_run: true }),
  rows,
  fingerprint: fingerprint ?? null,
  previous,
  file: file ?? null,
  previous_kept_in: kept ?? null,
})

function print(printer: Printer, { rows, fingerprint, previous, file, kept }: RotatedSecrets, dryRun: boolean): void {
  const under = fingerprint ?? 'a generated key'
  printer.line(
    `${counted(rows, 'stored secret')} ${dryRun ? 'would be' : 'are now'} wrapped under ${under}; before: ${previous.join(', ')}.`,
  )
  if (dryRun) {
    printer.note('Dry run: nothing was changed.')
    return
  }
  if (file) printer.line(`The new key is in ${file}.`)
  printer.line(
    kept
      ? `The old key is in ${kept}. Backups made so far open with the old key only: move it to them.`
      : 'Backups made so far open with the old key only: keep the old key with them. Remove it from the configuration of every node.',
  )
  printer.note('Back up the new key now, apart from the database.')
}
