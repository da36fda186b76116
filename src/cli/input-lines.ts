/** A file or stdin, line by line, with no more than one line in memory. */
import { createReadStream } from 'node:fs'
import { Failure } from '../errors/failure.ts'
import { quoted } from '../events/plain-text.ts'
import type { Input } from './invocation.ts'

export type InputLine = { line: number; text: string } | { line: number; fault: string }

const newline = 10

/** `-` is stdin. @throws Failure `file_unreadable` (invalid). */
export async function* inputLines(path: string, stdin: Input, mostBytes: number): AsyncGenerator<InputLine> {
  const from = path === '-' ? 'stdin' : quoted(path)
  try {
    yield* linesOf(path === '-' ? stdin : createReadStream(path), mostBytes)
  } catch (thrown) {
    // What the reader of our lines throws does not come here.
    throw new Failure('file_unreadable', 'invalid', `${from} cannot be read.`, { cause: thrown })
  }
}

async function* linesOf(source: AsyncIterable<Uint8Array | string>, mostBytes: number): AsyncGenerator<InputLine> {
  let line = 1
  let kept: Buffer[] = []
  let length = 0
  for await (const chunk of source) {
    let rest: Buffer = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk)
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      keep(rest.subarray(0, end))
      yield* finished()
      rest = rest.subarray(end + 1)
    }
    keep(rest)
  }
  yield* finished()

  function keep(part: Buffer): void {
    length += part.length
    // Of an oversize line nothing is kept: its length says it all.
    if (length > mostBytes) kept = []
    else if (part.length > 0) kept.push(part)
  }

  function* finished(): Generator<InputLine> {
    const read = length > mostBytes ? { fault: `is longer than ${mostBytes} bytes.` } : decoded(Buffer.concat(kept))
    if ('fault' in read || read.text.trim() !== '') yield { line, ...read }
    line += 1
    kept = []
    length = 0
  }
}

/** Also takes away the mark that some programs put before the first line. */
function decoded(bytes: Buffer): { text: string } | { fault: string } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { fault: 'is not UTF-8 text.' }
  }
}
