import { readFirebaseHashConfig } from '../../credentials/people-forms/firebase.ts'
import type { ImportOutcome } from '../../credentials/people-import.ts'
import { type DryRunOption, type JsonOption, withDryRun, withExample } from '../command-options.ts'
import type { Output } from '../invocation.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { peopleFile } from '../people-file.ts'
import type { Printer } from '../printer.ts'
import { readSecretFile } from '../secret-input.ts'

interface Options extends JsonOption, DryRunOption {
  file: string
  firebaseHashConfig?: string
}

/** How many lines are printed for one reason. Further lines with the same reason are counted only. */
const mostOfOneReason = 20

type Totals = Record<ImportOutcome['outcome'], number>

/** `users import`: existing people stay unchanged, so that the import can run repeatedly. */
export const usersImport: AddCommand = (parent, invocation) => {
  const { printer, stdin, stderr } = invocation
  const command = parent
    .command('import')
    .description('import people from another program, with their password hashes (docs/import.md)')
    .requiredOption(
      '-f, --file <file>',
      'JSON lines, a JSON document or CSV, also exports of other programs; - is stdin',
    )
    .option('--firebase-hash-config <file>', 'for a Firebase export: the hash_config { … } of the project')
    .option('--json', 'print one JSON document a line: the outcome of each row, then the totals')
    .action(async ({ file, json, dryRun = false, firebaseHashConfig }: Options) => {
      const firebaseHash =
        firebaseHashConfig === undefined
          ? undefined
          : readFirebaseHashConfig(await readSecretFile(firebaseHashConfig, 'hash parameters'))
      const desk = await invocation.desk()
      const totals: Totals = { added: 0, unchanged: 0, collision: 0, refused: 0 }
      const progress = progressOn(stderr)
      const reasons = new ReasonCount()
      const onForm = (name: string) => printer.note(`Reading ${name}.`)
      const options = { dryRun, actor: invocation.actor, firebaseHash, onForm }
      for await (const row of desk.imports.people(peopleFile(file, stdin), options)) {
        totals[row.outcome] += 1
        const what = whatOf(row)
        if (json) printer.jsonLine(row)
        else if (what !== undefined && reasons.count(what) <= mostOfOneReason) {
          progress.clear()
          show(printer, row, what)
        }
        progress.reached(row.line)
      }
      progress.clear()
      invocation.exitCode = totals.collision + totals.refused > 0 ? 1 : 0
      if (json) return printer.jsonLine({ ...totals, dry_run: dryRun })
      for (const [what, times] of reasons.beyond(mostOfOneReason)) {
        printer.line(`${counted(times, 'further line')}: ${what} (--json names every line)`)
      }
      printer.line(summary(totals, dryRun))
    })
  withExample(
    withDryRun(command),
    'claviger users import -f people.jsonl --dry-run',
    'claviger users import -f realm-export.json',
    'claviger users import -f users.json --firebase-hash-config hash-config.txt',
    `echo '{"email":"ada@example.org","password_hash":"$2b$12$…"}' | claviger users import -f -`,
  )
}

/** What is printed about a line; undefined if it needs no attention. */
function whatOf({ outcome, reason, left_out: leftOut }: ImportOutcome): string | undefined {
  if (reason !== undefined) return `${outcome}, ${reason}`
  return leftOut && `${outcome}, without ${leftOut.join(', ')}, which OpenID Connect writes otherwise`
}

function show(printer: Printer, { line, outcome, email }: ImportOutcome, what: string): void {
  const whose = email === undefined ? '' : ` ${email}`
  const tone = outcome === 'refused' ? 'bad' : 'warn'
  printer.line(`line ${line}${whose}: `, { text: outcome, tone }, what.slice(outcome.length))
}

class ReasonCount {
  readonly #times = new Map<string, number>()

  count(reason: string): number {
    // A reason may name the number of another line.
    const kind = reason.replace(/\bline \d+/g, 'an earlier line')
    const times = (this.#times.get(kind) ?? 0) + 1
    this.#times.set(kind, times)
    return times
  }

  /** Reasons with more lines than `most`, and the number of further lines. */
  beyond(most: number): [reason: string, times: number][] {
    return [...this.#times].filter(([, times]) => times > most).map(([reason, times]) => [reason, times - most])
  }
}

function summary({ added, unchanged, collision, refused }: Totals, dryRun: boolean): string {
  const begin = dryRun ? 'Would add' : 'Added'
  const people = counted(added, 'person', 'people')
  return `${begin} ${people}; ${unchanged} there already, ${counted(collision, 'collision')}, ${refused} refused.`
}

/** Shows the progress, on a terminal only. */
function progressOn(output: Output) {
  let isShown = false
  const say = (text: string) => {
    if (output.isTTY) output.write(`\r\u001b[K${text}`)
  }
  return {
    reached(line: number): void {
      if (line % 1000 !== 0) return
      say(`line ${line}`)
      isShown = true
    },
    clear(): void {
      if (isShown) say('')
      isShown = false
    },
  }
}
