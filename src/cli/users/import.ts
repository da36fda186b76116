import type { ImportOutcome } from '../../credentials/people-import.ts'
import { type DryRunOption, type JsonOption, withDryRun, withExample } from '../command-options.ts'
import { inputLines } from '../input-lines.ts'
import type { Output } from '../invocation.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import type { Printer } from '../printer.ts'

interface Options extends JsonOption, DryRunOption {
  file: string
}

/** A person's claims and hash fit many times over. */
const longestLineBytes = 64 * 1024

type Totals = Record<ImportOutcome['outcome'], number>

/** `users import`: whoever is here already stays as they are, so that it may run again and again. */
export const usersImport: AddCommand = (parent, invocation) => {
  const { printer, stdin, stderr } = invocation
  const command = parent
    .command('import')
    .description('take people over from another program, with the hashes of their passwords (docs/import.md)')
    .requiredOption('-f, --file <file>', 'JSON lines, one person a line; - is stdin')
    .option('--json', 'print one JSON document a line: what became of each row, then the totals')
    .action(async ({ file, json, dryRun = false }: Options) => {
      const desk = await invocation.desk()
      const totals: Totals = { added: 0, unchanged: 0, collision: 0, refused: 0 }
      const lines = inputLines(file, stdin, longestLineBytes)
      const progress = progressOn(stderr)
      for await (const row of desk.imports.people(lines, { dryRun, actor: invocation.actor })) {
        totals[row.outcome] += 1
        if (json) printer.jsonLine(row)
        else if (row.reason !== undefined) {
          progress.clear()
          show(printer, row)
        }
        progress.told(row.line)
      }
      progress.clear()
      invocation.exitCode = totals.collision + totals.refused > 0 ? 1 : 0
      if (json) printer.jsonLine({ ...totals, dry_run: dryRun })
      else printer.line(summary(totals, dryRun))
    })
  withExample(
    withDryRun(command),
    'claviger users import -f people.jsonl --dry-run',
    `echo '{"email":"ada@example.org","password_hash":"$2b$12$…"}' | claviger users import -f -`,
  )
}

function show(printer: Printer, { line, outcome, email, reason = '' }: ImportOutcome): void {
  const whose = email === undefined ? '' : ` ${email}`
  printer.line(`line ${line}${whose}: `, { text: outcome, tone: outcome === 'refused' ? 'bad' : 'warn' }, `, ${reason}`)
}

function summary({ added, unchanged, collision, refused }: Totals, dryRun: boolean): string {
  const begin = dryRun ? 'Would add' : 'Added'
  const people = counted(added, 'person', 'people')
  return `${begin} ${people}; ${unchanged} there already, ${counted(collision, 'collision')}, ${refused} refused.`
}

/** How far it has come, on a terminal only. */
function progressOn(output: Output) {
  let isShown = false
  const say = (text: string) => {
    if (output.isTTY) output.write(`\r\u001b[K${text}`)
  }
  return {
    told(line: number): void {
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
