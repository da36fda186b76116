import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { RotatedSecrets } from '../desk.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import type { Printer } from '../printer.ts'

interface Options extends JsonOption, DryRunOption {
  cookies?: boolean
}

/** `secrets rotate`: with nodes running and nobody signed out. */
export const secretsRotate: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('rotate')
    .description(
      'wrap all private keys under a new key-encryption key: the first of two that are configured, or one made here',
    )
    .option('--cookies', 'instead: make a new key that signs cookies; the old ones verify on')
    .action(async (options: Options) => {
      const { dryRun = false } = options
      const { secrets } = await invocation.desk()
      if (options.cookies) {
        const { signsInSeconds } = await secrets.rotateCookieKey({ dryRun, actor: invocation.actor })
        printer.result(options, { ...(dryRun && { dry_run: true }), signs_in_seconds: signsInSeconds }, () =>
          printer.line(
            `A new cookie key ${dryRun ? 'would verify' : 'verifies'} at once and ${dryRun ? 'would sign' : 'signs'} in ${signsInSeconds} seconds. Nobody is signed out.`,
          ),
        )
        return
      }
      const rotated = await secrets.rotate({ dryRun, actor: invocation.actor })
      printer.result(options, asJson(rotated, dryRun), () => print(printer, rotated, dryRun))
    })
  withExample(withDryRun(withJson(command)), 'claviger secrets rotate --dry-run', 'claviger secrets rotate --cookies')
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
  const under = fingerprint ?? 'a key that is made then'
  printer.line(
    `${counted(rows, 'stored secret')} ${dryRun ? 'would be' : 'are now'} wrapped under ${under}; before: ${previous.join(', ')}.`,
  )
  if (dryRun) {
    printer.note('This is how it would be; nothing was changed.')
    return
  }
  if (file) printer.line(`${file} holds the new key.`)
  printer.line(
    kept
      ? `The old key is kept in ${kept}: backups made until now open with it and with nothing else. Move it to where they are.`
      : 'Backups made until now open with the old key only: keep it where they are. Take it out of the configuration of every node.',
  )
  printer.note('Back up the new key now, apart from the database.')
}
