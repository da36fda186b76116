/** Cuts a JSON document into the objects of its list of people, with at most one of them in memory. */
import { Failure } from '../errors/failure.ts'
import type { InputLine } from './input-lines.ts'

/** The list is the document itself, or one of these members (Keycloak, Firebase, Cognito). */
const listMembers: ReadonlySet<string> = new Set(['users', 'Users'])

const [newline, quote, backslash, comma] = [10, 34, 92, 44]
const [openBracket, closeBracket, openBrace, closeBrace] = [91, 93, 123, 125]
const isBlank = (byte: number) => byte === 32 || (byte >= 9 && byte <= 13)

/**
 * Yields each object of the list as text, with the line in which it begins. The caller parses the text.
 * @throws Failure `people_list_missing` (invalid) if the document has no list
 */
export async function* jsonItems(source: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<InputLine> {
  const cutter = new ItemCutter(mostBytes)
  for await (const chunk of source) yield* cutter.push(chunk)
  yield* cutter.end()
}

class ItemCutter {
  readonly #mostBytes: number
  #depth = 0
  #listDepth: number | undefined
  #hasList = false
  #isInString = false
  #isEscaped = false
  /** The last string at depth 1: the name of the current member. */
  #name = ''
  #line = 1
  #item: { line: number; parts: Buffer[]; length: number } | undefined

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  *push(chunk: Buffer): Generator<InputLine> {
    let from = 0
    for (const [at, byte] of chunk.entries()) {
      if (byte === newline) this.#line += 1
      if (this.#isInString) this.#readText(byte)
      else if (byte === quote) this.#beginText()
      else if (byte === openBrace || byte === openBracket) {
        if (this.#open(byte)) from = at
      } else if (byte === closeBrace || byte === closeBracket) {
        if (!this.#close()) continue
        this.#keep(chunk.subarray(from, at + 1))
        yield this.#taken()
      } else this.#refuseScalar(byte)
    }
    if (this.#item) this.#keep(chunk.subarray(from))
  }

  *end(): Generator<InputLine> {
    if (this.#item) yield { line: this.#item.line, fault: 'is cut off: the file ends within it.' }
    else if (!this.#hasList) {
      throw new Failure('people_list_missing', 'invalid', 'The file is one JSON document without a list of people.', {
        detail: {
          hints: [
            'give a list of objects, or an object whose member "users" is one; Keycloak exports users with --users',
          ],
        },
      })
    } else if (this.#depth > 0) yield { line: this.#line, fault: 'is cut off: the file ends before its list does.' }
  }

  #beginText(): void {
    this.#refuseScalar(quote)
    this.#isInString = true
    if (this.#depth === 1) this.#name = ''
  }

  #readText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === backslash) this.#isEscaped = true
    else if (byte === quote) this.#isInString = false
    else if (this.#depth === 1 && this.#name.length < 32) this.#name += String.fromCharCode(byte)
  }

  /** Returns true if an item begins. */
  #open(byte: number): boolean {
    const isItem = !this.#item && this.#depth === this.#listDepth
    if (isItem) this.#item = { line: this.#line, parts: [], length: 0 }
    const mayHoldList = this.#depth === 0 || (this.#depth === 1 && listMembers.has(this.#name))
    if (byte === openBracket && !this.#hasList && mayHoldList) {
      this.#hasList = true
      this.#listDepth = this.#depth + 1
    }
    this.#depth += 1
    return isItem
  }

  /** Returns true if an item ends. */
  #close(): boolean {
    this.#depth -= 1
    if (this.#listDepth !== undefined && this.#depth < this.#listDepth) this.#listDepth = undefined
    return this.#item !== undefined && this.#depth === this.#listDepth
  }

  #keep(part: Buffer): void {
    if (!this.#item) return
    this.#item.length += part.length
    if (this.#item.length > this.#mostBytes) this.#item.parts = []
    else this.#item.parts.push(part)
  }

  #taken(): InputLine {
    const { line = this.#line, parts = [], length = 0 } = this.#item ?? {}
    this.#item = undefined
    if (length > this.#mostBytes) return { line, fault: `is longer than ${this.#mostBytes} bytes.` }
    return { line, text: Buffer.concat(parts).toString() }
  }

  #refuseScalar(byte: number): void {
    if (this.#item || this.#depth !== this.#listDepth || byte === comma || isBlank(byte)) return
    throw new Failure(
      'people_list_malformed',
      'invalid',
      `The list of people has an entry that is not an object, in line ${this.#line}.`,
    )
  }
}
