/** Prints the results as aligned tables for a person. */
import { contenderTitles } from './contenders/contender.ts'
import { type FlowName, flowTitles } from './flows/catalogue.ts'
import { coldStartGoalMilliseconds, idleMemoryGoalMegabytes, matches } from './goals.ts'
import type { Cell, Results, StartFigures, StatementCount } from './results.ts'

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const round = (value: number) => grouped.format(value)
const fixed = (value: number | undefined, digits: number) => (value === undefined ? '' : value.toFixed(digits))
const verdict = (isMet: boolean) => (isMet ? 'met' : 'NOT MET')
const firstLine = (text: string) => text.trim().split('\n')[0] ?? ''

/** Columns as wide as their widest cell; the first ones are words, the rest figures. */
function layOut(rows: string[][], words: number): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const line = (row: string[]) =>
    row
      .map((text, column) => (column < words ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  ')
  const [head = [], ...body] = rows
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...body.map(line)]
    .map((text) => text.trimEnd())
    .join('\n')
}

const newGroup = <T extends { flow: FlowName }>(rows: T[], index: number) => rows[index - 1]?.flow !== rows[index]?.flow

function cellRow(cell: Cell, isFirst: boolean): string[] {
  const names = [isFirst ? flowTitles[cell.flow] : '', contenderTitles[cell.contender]]
  if (cell.failed !== undefined) return [...names, 'failed']
  const goal = cell.goal !== undefined && cell.rateRatio !== undefined
  return [
    ...names,
    round(cell.perSecond),
    `${round(cell.serverBusy * 100)} %`,
    round(cell.serverCpuMicroseconds),
    cell.postgresCpuMicroseconds === undefined ? '' : round(cell.postgresCpuMicroseconds),
    fixed(cell.p50Milliseconds, 2),
    fixed(cell.p99Milliseconds, 2),
    round(cell.residentMegabytes),
    cell.contender === matches[cell.flow].yardstick ? 'yardstick' : fixed(cell.rateRatio, 2),
    fixed(cell.cpuRatio, 2),
    goal ? `>= ${fixed(cell.goal, 2)} ${verdict(Number(cell.rateRatio) >= Number(cell.goal))}` : '',
  ]
}

function cellTable(cells: Cell[]): string {
  const head = [
    'flow',
    'contender',
    'per s',
    'busy',
    'node us',
    'pg us',
    'p50 ms',
    'p99 ms',
    'MB',
    'rate x',
    'CPU x',
    'goal',
  ]
  return layOut([head, ...cells.map((cell, index) => cellRow(cell, newGroup(cells, index)))], 2)
}

function statementTable(counts: StatementCount[]): string {
  const rows = counts.map((count, index) => {
    const names = [newGroup(counts, index) ? flowTitles[count.flow] : '', contenderTitles[count.contender]]
    return count.failed === undefined
      ? [...names, fixed(count.statements, 1), fixed(count.roundTrips, 1)]
      : [...names, 'failed']
  })
  return layOut([['database work per step', 'contender', 'statements', 'round trips'], ...rows], 2)
}

function startRow(figures: StartFigures): string[] {
  const names = [contenderTitles[figures.contender], figures.database]
  if (figures.failed !== undefined) return [...names, 'failed']
  const { coldStartMilliseconds: start, idleMegabytes: memory } = figures
  const judged = figures.contender === 'claviger'
  return [
    ...names,
    round(start),
    judged ? `<= ${coldStartGoalMilliseconds} ${verdict(start <= coldStartGoalMilliseconds)}` : '',
    memory === undefined ? '' : round(memory),
    judged && memory !== undefined ? `<= ${idleMemoryGoalMegabytes} ${verdict(memory <= idleMemoryGoalMegabytes)}` : '',
  ]
}

function startTable(starts: StartFigures[]): string {
  return layOut([['cold start', 'database', 'ready ms', 'goal', 'idle MB', 'goal'], ...starts.map(startRow)], 2)
}

const legend = `per s: flows completed. busy: part of one core that the server used; well below 100 % the server was not the
bottleneck. node us, pg us: CPU microseconds per flow of the server and of Postgres. MB: resident after the load.
rate x: rate by the yardstick's. CPU x: the yardstick's CPU (Node and Postgres) by this one's; above 1 is cheaper.`

const busyLoad = 0.5

function printMachine({ node, cores, loadBefore }: Results): string {
  const busy = loadBefore > busyLoad ? ': it was busy with other things, so do not quote these figures' : ''
  return `Node ${node}, ${cores} cores, load average before the run ${fixed(loadBefore, 2)}${busy}`
}

/** Everything as text, reasons of failed cells last. */
export function printReport(results: Results): string {
  const { cells, statements, starts } = results
  const parts = [printMachine(results)]
  if (cells.length) parts.push(cellTable(cells), legend)
  if (statements.length) parts.push(statementTable(statements))
  if (starts.length) parts.push(startTable(starts))
  const failures = [...cells, ...statements, ...starts].flatMap((row) =>
    row.failed === undefined
      ? []
      : [
          `${'flow' in row ? row.flow : `start, ${row.database} database`}, ${contenderTitles[row.contender]}: ${firstLine(row.failed)}`,
        ],
  )
  if (failures.length) parts.push(`failed:\n${[...new Set(failures)].map((text) => `  ${text}`).join('\n')}`)
  return `${parts.join('\n\n')}\n`
}
