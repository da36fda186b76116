import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { envExample, optionTable, tableMarkers, withOptionTable } from '../../src/config/option-docs.ts'
import { options } from '../../src/config/options.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

test('.env.example is what the option list prints (npm run docs:config)', () => {
  expect(read('.env.example')).toBe(envExample())
})

const readme = existsSync(join(root, 'README.md')) ? read('README.md') : ''

test('README has the table that the option list prints (npm run docs:config)', () => {
  if (readme.includes(tableMarkers.begin)) expect(withOptionTable(readme)).toBe(readme)
  expect(withOptionTable(`a ${tableMarkers.begin} old ${tableMarkers.end} b`)).toBe(
    `a ${tableMarkers.begin}\n${optionTable()}\n${tableMarkers.end} b`,
  )
})

test('every option is documented by a sentence and every default is a value it accepts', () => {
  for (const { env, doc, parse, default: text } of Object.values(options) as {
    env: string
    doc: string
    parse(text: string): object
    default?: string
  }[]) {
    expect(`${env}: ${doc}`).toMatch(/: [A-Z0-9].*\.$/)
    if (text) expect(parse(text)).toHaveProperty('value')
  }
})
