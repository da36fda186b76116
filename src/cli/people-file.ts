/** Reads a file of people. Its beginning determines its form: JSON lines, a JSON document or CSV. */
import { createReadStream } from 'node:fs'
import { Failure } from '../errors/failure.ts'
import { quoted } from '../events/plain-text.ts'
import { type CsvLine, csvFormOf, csvPeople } from './csv-people.ts'
import { type InputLine, linesOf } from './input-lines.ts'
import type { Input } from './invocation.ts'
import { jsonItems } from './json-items.ts'

/** Far more than a person's claims and hash need. */
const longestPersonBytes = 64 * 1024
const beginningBytes = 64 * 1024

/**
 * Reads stdin for `-`.
 * @throws Failure `file_unreadable`, `people_file_unknown` (invalid)
 */
export async function* peopleFile(path: string, stdin: Input): AsyncGenerator<InputLine | CsvLine> {
  const named = path === '-' ? 'stdin' : quoted(path)
  const source = chunksOf(path === '-' ? stdin : createReadStream(path), named)
  const beginning: Buffer[] = []
  for (let length = 0; length < beginningBytes; ) {
    const { value, done } = await source.next()
    if (done) break
    beginning.push(value)
    length += value.length
  }
  const head = Buffer.concat(beginning)
  const whole = (async function* () {
    // Some programs write a byte order mark.
    yield head.subarray(0, 3).equals(byteOrderMark) ? head.subarray(3) : head
    yield* source
  })()
  const firstLine = firstLineOf(head)
  const other = otherFormOf(head, firstLine)
  if (other !== undefined) throw unknownFile(`${named} is ${other}, which is not read here.`)
  // No row of JSON lines is that long, so the file is one document.
  const isOneLine = firstLine.startsWith('{') && Buffer.byteLength(firstLine) >= beginningBytes - 4
  if (firstLine.startsWith('[') || isOneLine || isWholeDocument(firstLine)) yield* jsonItems(whole, longestPersonBytes)
  else if (firstLine === '' || firstLine.startsWith('{')) yield* linesOf(whole, longestPersonBytes)
  else {
    const form = csvFormOf(firstLine)
    if (!form) throw unknownFile(`${named} is neither JSON, nor CSV whose first line has a column "email".`)
    yield* csvPeople(whole, form, longestPersonBytes)
  }
}

const byteOrderMark = Buffer.from('\ufeff')

async function* chunksOf(source: AsyncIterable<Uint8Array | string>, named: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source) yield typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk)
  } catch (thrown) {
    throw new Failure('file_unreadable', 'invalid', `${named} cannot be read.`, { cause: thrown })
  }
}

/** The first line that is not blank. */
const firstLineOf = (head: Buffer): string =>
  head
    .toString()
    .replace(/^\ufeff/, '')
    .trimStart()
    .split(/\r?\n/, 1)[0]
    ?.trim() ?? ''

/** Whether the first line begins one JSON document, and is not a complete row of JSON lines. */
function isWholeDocument(firstLine: string): boolean {
  if (!firstLine.startsWith('{')) return false
  try {
    const value = JSON.parse(firstLine) as Record<string, unknown>
    return Array.isArray(value['users']) || Array.isArray(value['Users'])
  } catch {
    // A line that ends within a string is a damaged row: JSON strings have no line breaks.
    const quotes = firstLine.replace(/\\./g, '').split('"').length - 1
    return quotes % 2 === 0 && /[[{,]$/.test(firstLine)
  }
}

const magics: readonly [bytes: Buffer, what: string][] = [
  [Buffer.from([0x1f, 0x8b]), 'compressed with gzip'],
  [Buffer.from('PK\x03\x04', 'latin1'), 'a ZIP archive or a spreadsheet'],
  [Buffer.from([0xff, 0xfe]), 'UTF-16 text'],
  [Buffer.from([0xfe, 0xff]), 'UTF-16 text'],
  [Buffer.from('PGDMP'), 'a dump of Postgres'],
  [Buffer.from('SQLite format 3'), 'an SQLite database'],
  [Buffer.from('%PDF'), 'a PDF document'],
]

const beginnings: readonly [pattern: RegExp, what: string][] = [
  [/^(dn|version|# extended LDIF)(:|$)/i, 'LDIF'],
  [/^(--(?!-)|\/\*|(insert|create|copy|set|begin|pragma)\b)/i, 'SQL'],
  [/^</, 'XML or HTML'],
  [/^-(--)?( |$)/, 'YAML'],
]

const otherFormOf = (head: Buffer, firstLine: string): string | undefined =>
  magics.find(([bytes]) => head.subarray(0, bytes.length).equals(bytes))?.[1] ??
  beginnings.find(([pattern]) => pattern.test(firstLine))?.[1]

const unknownFile = (message: string) =>
  new Failure('people_file_unknown', 'invalid', message, {
    detail: {
      hints: [
        'give JSON lines, one JSON document or CSV, as UTF-8; docs/import.md shows them and lists the exports that are read',
      ],
    },
  })
