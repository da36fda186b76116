import { Option } from 'commander'
import type { Client } from '../../clients/client.ts'
import type { Failure } from '../../errors/failure.ts'
import {
  longestOverlapSeconds,
  refuseWithoutSecret,
  rotateClientSecret,
} from '../../operations/clients/rotate-secret.ts'
import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { Invocation } from '../invocation.ts'
import { instant } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { durationOrZero, type TypedDuration } from '../option-values.ts'
import { wrongUsage } from '../usage.ts'
import { readOwnSecret } from './add.ts'
import { clientJson, getClient, livingPreviousSecret, printSecret } from './client-view.ts'

interface Options extends JsonOption, DryRunOption {
  secretStdin?: boolean
  secretFile?: string
  overlap: TypedDuration
}

/** `clients rotate-secret`: the old secret works on for a while, so that the app can be changed in that time. */
export const clientsRotateSecret: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('rotate-secret')
    .description('give a client a new secret, shown once; the old secret works on for the overlap')
    .argument('<client_id>', 'from clients list')
    .addOption(
      new Option('--overlap <duration>', 'how long the old secret works on; 0 ends it at once')
        .argParser(durationOrZero)
        .default({ seconds: 86_400, text: '24h' }, '24h'),
    )
    .option('--secret-stdin', 'bring the new secret along, on stdin')
    .option('--secret-file <path>', 'bring the new secret along, in a file')
    .action(async (id: string, options: Options) => {
      const { overlap } = options
      if (overlap.seconds > longestOverlapSeconds) throw tooLong(overlap)
      const own = await readOwnSecret(invocation, options)
      const desk = await invocation.desk()
      const client = await getClient(desk, id)
      if (options.dryRun) {
        refuseWithoutSecret(client)
        printer.result(options, { ...clientJson(client), dry_run: true }, () =>
          printer.line(`Would give ${client.id} a new secret. ${fateOfOld(overlap)}`),
        )
        return
      }
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
        printer.note(
          'Access tokens and feed connections that were opened with it end later by themselves. To end them now:',
        )
        printer.note(`${printer.program} tokens revoke --client ${id}`)
      }
    })
  withExample(
    withDryRun(withJson(command)),
    'claviger clients rotate-secret nightly-job-5d1e2f3a4b5c --overlap 7d',
    'claviger clients rotate-secret nightly-job-5d1e2f3a4b5c --overlap 0',
  )
}

const fateOfOld = ({ seconds, text }: TypedDuration): string =>
  seconds === 0 ? 'The old secret would end at once.' : `The old secret would work for another ${text}.`

function printEnds({ printer }: Invocation, client: Client, overlap: TypedDuration): void {
  const { secretRotatedAt: rotatedAt, previousSecret } = client
  printer.line({ text: 'Changed', tone: 'good' }, ` the secret of ${client.id}.`)
  printer.fields([
    [
      'new secret',
      `accepted since ${instant(rotatedAt ?? printer.now())}; nodes that are connected to this database follow within a second`,
    ],
    [
      'old secret',
      previousSecret
        ? `accepted for another ${overlap.text}, until ${instant(previousSecret.until)}`
        : 'ended; running nodes refuse it within a second',
    ],
  ])
}

/** Only one secret is kept beside the present one. */
function noteEarlier({ printer }: Invocation, before: Client): void {
  const earlier = livingPreviousSecret(before, printer.now())
  if (earlier) {
    printer.note(
      `The secret before the old one ended, too: it would have been accepted until ${instant(earlier.until)}.`,
    )
  }
}

const tooLong = ({ text }: TypedDuration): Failure =>
  wrongUsage('overlap_too_long', `An overlap of ${text} is too long: choose at most 90d.`)
