/** Reads text line by line, with at most one line in memory. */

export type InputLine = { line: number; text: string } | { line: number; fault: string }

const newline = 10

/** Skips blank lines. */
export async function* linesOf(source: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<InputLine> {
  let line = 1
  let kept: Buffer[] = []
  let length = 0
  for await (const chunk of source) {
    let rest = chunk
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
    // The text of an oversized line is dropped; only its length is needed for the fault.
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

/** Decodes UTF-8 and removes a byte order mark. */
export function decoded(bytes: Buffer): { text: string } | { fault: string } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { fault: 'is not UTF-8 text.' }
  }
}
