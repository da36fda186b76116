/** Reads the rows of a CSV file by its columns. */
import { type CsvError, parse } from 'csv-parse'
import { Failure } from '../errors/failure.ts'
import { decoded } from './input-lines.ts'

export type CsvLine = { line: number; columns: Record<string, string> } | { line: number; fault: string }

/** The columns of `firebase auth:export`, which writes no header; sixteen belong to federated providers. */
const firebaseColumns = [
  ...['localId', 'email', 'emailVerified', 'passwordHash', 'salt', 'displayName', 'photoUrl'],
  ...Array.from({ length: 16 }, (_, at) => `provider ${at + 1}`),
  ...['createdAt', 'lastLoginAt', 'phoneNumber', 'disabled', 'customAttributes', ''],
]

export interface CsvForm {
  delimiter: ',' | ';' | '\t'
  hasHeads: boolean
}

/** The form of a CSV file by its first line; undefined if it is not a CSV of people. */
export function csvFormOf(firstLine: string): CsvForm | undefined {
  for (const delimiter of [',', ';', '\t'] as const) {
    const cells = firstLine.split(delimiter).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
    if (cells.some((cell) => cell.toLowerCase() === 'email')) return { delimiter, hasHeads: true }
    if (delimiter === ',' && cells.length >= 27 && /^(true|false)$/.test(cells[2] ?? '')) {
      return { delimiter, hasHeads: false }
    }
  }
  return undefined
}

/** @throws Failure `csv_malformed` (invalid) */
export async function* csvPeople(
  source: AsyncIterable<Buffer>,
  { delimiter, hasHeads }: CsvForm,
  mostBytes: number,
): AsyncGenerator<CsvLine> {
  const options = { delimiter, encoding: null, info: true, relax_column_count: true, skip_empty_lines: true } as const
  const parser = parse({ ...options, max_record_size: mostBytes })
  const feeding = feed(source, parser)
  let heads = hasHeads ? undefined : firebaseColumns
  let line = 1
  try {
    for await (const { info, record } of parser as AsyncIterable<{ info: { lines: number }; record: Buffer[] }>) {
      const cells = record.map(decoded)
      if (heads) yield { line, ...rowOf(cells, heads, hasHeads) }
      else heads = cells.map((cell) => headOf('text' in cell ? cell.text : ''))
      line = info.lines + 1
    }
    await feeding
  } catch (thrown) {
    throw isCsvError(thrown) ? malformed(thrown) : thrown
  }
}

/** Feeds the parser and waits whenever its buffer is full. */
async function feed(source: AsyncIterable<Buffer>, parser: ReturnType<typeof parse>): Promise<void> {
  try {
    for await (const chunk of source) {
      if (!parser.write(chunk)) await new Promise((resolve) => parser.once('drain', resolve))
    }
    parser.end()
  } catch (thrown) {
    parser.destroy(thrown as Error)
  }
}

type Cell = ReturnType<typeof decoded>

/** Known column names match in any case, since spreadsheets capitalise them. */
const headOf = (text: string): string =>
  /^(email|name|sub|disabled|email_verified)$/i.test(text.trim()) ? text.trim().toLowerCase() : text.trim()

function rowOf(cells: readonly Cell[], heads: readonly string[], isExact: boolean) {
  const fault = cells.find((cell) => 'fault' in cell)
  if (fault) return fault as { fault: string }
  if (isExact && cells.length !== heads.length) {
    return { fault: `has ${cells.length} columns, and the first line has ${heads.length}.` }
  }
  const pairs = cells.map((cell, at) => [heads[at] ?? '', 'text' in cell ? cell.text : ''] as const)
  return { columns: Object.fromEntries(pairs.filter(([head, text]) => head !== '' && text !== '')) }
}

const isCsvError = (thrown: unknown): thrown is CsvError =>
  thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('CSV_')

/** Leaves out the parser's message, which quotes the input. */
function malformed({ code, lines }: CsvError & { lines?: number }): Failure {
  const where = lines === undefined ? '' : ` in line ${lines}`
  const what = code === 'CSV_MAX_RECORD_SIZE' ? 'has a row that is too long' : 'cannot be read'
  return new Failure('csv_malformed', 'invalid', `The CSV ${what}${where} (${code}). The rows before it were imported.`)
}
