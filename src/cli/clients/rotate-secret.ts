import { Option } from 'commander'
import type { Client } from '../../clients/client.ts'
import type { Failure } from '../../errors/failure.ts'
import {
  longestOverlapSeconds,
  refuseWithoutSecret,
  rotateClientSecret,
} from '../../operations/clients/rotate-secret.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import type { Invocation } from '../invocation.ts'
import { instant } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { durationOrZero, type TypedDuration } from '../option-values.ts'
import { wrongUsage } from '../usage.ts'
import { readOwnSecret } from './add.ts'
import { clientJson, getClient, livingPreviousSecret, printSecret } from './client-view.ts'

interface Options extends ConfirmedOptions {
  secretStdin?: boolean
  secretFile?: string
  overlap: TypedDuration
}

/** `clients rotate-secret`: the old secret stays valid for the overlap. Without an overlap the command asks first. */
export const clientsRotateSecret: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('rotate-secret')
    .description('give a client a new secret, shown once; the old secret stays valid for the overlap')
    .argument('<client_id>', 'from clients list')
    .addOption(
      new Option('--overlap <duration>', 'how long the old secret stays valid; 0 revokes it at once')
        .argParser(durationOrZero)
        .default({ seconds: 86_400, text: '24h' }, '24h'),
    )
    .option('--secret-stdin', 'read the new secret from stdin')
    .option('--secret-file <path>', 'read the new secret from a file')
    .action(async (id: string, options: Options) => {
      const { overlap } = options
      if (overlap.seconds > longestOverlapSeconds) throw tooLong(overlap)
      const own = await readOwnSecret(invocation, options)
      const desk = await invocation.desk()
      const client = await getClient(desk, id)
      refuseWithoutSecret(client)
      if (options.dryRun) {
        printer.result(options, { ...clientJson(client), dry_run: true }, () =>
          printer.line(`Would give ${client.id} a new secret. ${fateOfOld(overlap)}`),
        )
        return
      }
      const question = `Revoke the present secret of ${client.id} (${client.name}) at once?`
      if (overlap.seconds === 0 && !(await isConfirmed(invocation, options, question))) return
      const { client: after, secret: fresh } = await invocation.perform(rotateClientSecret, {
        client_id: id,
        overlap_seconds: overlap.seconds,
        ...own,
      })
      printer.result(options, { ...clientJson(after), ...(fresh ? { client_secret: fresh } : {}) }, () => {
        printEnds(invocation, after, overlap)
        if (fresh) printSecret(printer, fresh)
      })
      noteEarlier(invocation, client)
      if (overlap.seconds === 0) {
        printer.note('Access tokens and feed connections that used the old secret stay valid until they expire.')
        printer.note(`To revoke them now: ${printer.program} tokens revoke --client ${id}`)
      }
    })
  withExample(
    withConfirmation(command),
    'claviger clients rotate-secret nightly-job-5d1e2f3a4b5c --overlap 7d',
    'claviger clients rotate-secret nightly-job-5d1e2f3a4b5c --overlap 0',
  )
}

const fateOfOld = ({ seconds, text }: TypedDuration): string =>
  seconds === 0 ? 'The old secret would be revoked at once.' : `The old secret would stay valid for another ${text}.`

function printEnds({ printer }: Invocation, client: Client, overlap: TypedDuration): void {
  const { secretRotatedAt: rotatedAt, previousSecret } = client
  printer.line({ text: 'Changed', tone: 'good' }, ` the secret of ${client.id}.`)
  printer.fields([
    ['new secret', `accepted since ${instant(rotatedAt ?? printer.now())}`],
    [
      'old secret',
      previousSecret ? `accepted for another ${overlap.text}, until ${instant(previousSecret.until)}` : 'revoked',
    ],
  ])
  printer.line('Nodes connected to this database apply the change within a second.')
}

/** A client has one previous secret at most, so a rotation revokes the one before it. */
function noteEarlier({ printer }: Invocation, before: Client): void {
  const earlier = livingPreviousSecret(before, printer.now())
  if (earlier) {
    printer.note(
      `The secret before the old one is revoked, too: it would have been accepted until ${instant(earlier.until)}.`,
    )
  }
}

const tooLong = ({ text }: TypedDuration): Failure =>
  wrongUsage('overlap_too_long', `An overlap of ${text} is too long: choose at most 90d.`)
