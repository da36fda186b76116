/** Prints the output of commands: data on stdout, and prose on stderr when stdout carries JSON. */
import { styleText } from 'node:util'
import type { Output } from './invocation.ts'
import { oneLine, singleLines, widthOf } from './terminal-text.ts'

export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'strong'
export type Cell = string | { text: string; tone: Tone }

const styles = { good: 'green', bad: 'red', warn: 'yellow', dim: 'dim', strong: 'bold' } as const

export interface PrinterNeeds {
  stdout: Output
  stderr: Output
  env: NodeJS.ProcessEnv
  now(): Date
  /** How the program was called, for hints. */
  program: string
}

export class Printer {
  readonly #needs: PrinterNeeds

  constructor(needs: PrinterNeeds) {
    this.#needs = needs
  }

  get program(): string {
    return this.#needs.program
  }

  now(): Date {
    return this.#needs.now()
  }

  /** Prints `data` as one JSON document, or calls `show` to print text. */
  result(options: { json?: boolean }, data: unknown, show: () => void): void {
    if (options.json) this.json(data)
    else show()
  }

  json(data: unknown): void {
    this.#needs.stdout.write(`${JSON.stringify(data, toJson, 2)}\n`)
  }

  /** One JSON document a line, for streams. */
  jsonLine(data: unknown): void {
    this.#needs.stdout.write(`${JSON.stringify(data, toJson)}\n`)
  }

  line(...cells: Cell[]): void {
    this.#needs.stdout.write(`${cells.map((cell) => this.#styled(this.#needs.stdout, cell)).join('')}\n`)
  }

  /** Prints prose on stderr, apart from data: warnings, progress, dry runs. */
  note(...cells: Cell[]): void {
    this.#needs.stderr.write(`${cells.map((cell) => this.#styled(this.#needs.stderr, cell)).join('')}\n`)
  }

  /** The command that most likely comes next. */
  next(...commands: string[]): void {
    for (const command of commands) this.note({ text: `Next: ${this.#needs.program} ${command}`, tone: 'dim' })
  }

  table(heads: readonly string[], rows: readonly (readonly Cell[])[]): void {
    const headCells = heads.map((text): Cell => ({ text, tone: 'strong' }))
    const all = [headCells, ...rows]
    const widths = heads.map((_, column) => Math.max(...all.map((row) => widthOf(textOf(row[column])))))
    for (const row of all) this.#row(row, widths)
  }

  /** A short list of named values, one a line. A list of values takes a line each. */
  fields(pairs: readonly (readonly [string, Cell | readonly string[] | undefined])[]): void {
    const shown = pairs.filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
    const width = Math.max(0, ...shown.map(([name]) => widthOf(name)))
    for (const [name, value] of shown) {
      const values: readonly Cell[] = Array.isArray(value) ? value : [value as Cell]
      for (const [index, cell] of values.entries()) {
        this.#row([{ text: index === 0 ? name : '', tone: 'dim' }, cell], [width, 0])
      }
    }
  }

  #row(row: readonly Cell[], widths: readonly number[]): void {
    const { stdout } = this.#needs
    const last = row.length - 1
    const cells = row.map((cell, column) => {
      const gap = column === last ? '' : ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(textOf(cell))) + 2)
      return this.#styled(stdout, cell) + gap
    })
    stdout.write(`${cells.join('').trimEnd()}\n`)
  }

  #styled(output: Output, cell: Cell): string {
    const text = typeof cell === 'string' ? singleLines(cell) : singleLines(cell.text)
    if (typeof cell === 'string' || !this.#mayColour(output) || text === '') return text
    return styleText(styles[cell.tone], text, { validateStream: false })
  }

  #mayColour(output: Output): boolean {
    const { NO_COLOR, TERM } = this.#needs.env
    return output.isTTY === true && !NO_COLOR && TERM !== 'dumb'
  }
}

const textOf = (cell: Cell | undefined): string => oneLine(typeof cell === 'object' ? cell.text : (cell ?? ''))

const toJson = (_name: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value)
