/** docs/security.md names tests as proof: those tests exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

const root = join(import.meta.dirname, '../..')
const rows = readFileSync(join(root, 'docs/security.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|(-|\s*requirement)/.test(line))

const cellsOf = (row: string) => row.split('|').slice(1, -1)

/** A file, then the titles that are quoted from it, up to the next file. */
function proofsOf(row: string): { file: string; titles: string[] }[] {
  const cell = cellsOf(row)[2] ?? ''
  return [...cell.matchAll(/`([^`]+)`([^`]*)/g)].map(([, file = '', rest = '']) => ({
    file: `test/${file}.test.ts`,
    titles: [...rest.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title),
  }))
}

const proofs = rows.flatMap(proofsOf)

test('there are rows, and each has its three cells', () => {
  expect(rows.length).toBeGreaterThan(60)
  expect(rows.filter((row) => cellsOf(row).length !== 3)).toEqual([])
})

test.each(proofs)('$file has the titles that are quoted from it: $titles', ({ file, titles }) => {
  expect(titles.length).toBeGreaterThan(0)
  expect(existsSync(join(root, file))).toBe(true)
  const text = readFileSync(join(root, file), 'utf8').replaceAll("\\'", "'")
  expect(titles.filter((title) => !text.includes(title))).toEqual([])
})

test('a row without a test says what is not done, or that there is nothing to do', () => {
  const bare = rows.filter((row) => proofsOf(row).length === 0)
  expect(bare.filter((row) => !/\*\*not done\*\*|\*\*in part\*\*|there is no /.test(row))).toEqual([])
})
