/** What the documents say of the program is true of the program. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { cliReference } from '../../src/cli/reference.ts'
import { options } from '../../src/config/options.ts'
import { run } from '../cli/run-in-process.ts'
import { StandInDesk } from '../cli/stand-in-desk.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

const documents = ['.', 'docs', 'docs/decisions', 'keys', 'bench', 'examples'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
)

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** `npm run x`, and what npm runs without being told to. */
const namedScripts = (text: string) =>
  [...text.matchAll(/\bnpm (?:run (?:-s |--silent )?([a-z][a-z:-]*)|(start|test)\b)/g)].map(
    (match) => match[1] ?? match[2],
  )

/** Every command line of ours that is written out, up to where the shell or the sentence ends it. */
function namedCommands(text: string): string[] {
  const joined = text.replace(/\\\n\s*/g, ' ')
  const lines = [
    ...joined.matchAll(/npm run claviger -- ([^\n#`|>]+)/g),
    ...joined.matchAll(/`claviger ([^`\n]+)`/g),
    ...joined.matchAll(/`?node src\/main\.ts ([^`\n#]+)/g),
  ]
  return [...new Set(lines.map(([, words]) => (words ?? '').trim()))].filter((words) => /^[a-z-]/.test(words))
}

/** `clients add --preset spa 'x y'` is the command `clients add` with `--preset`. */
function taken(line: string): { command: string[]; flags: string[] } {
  const words = line.replace(/'[^']*'|"[^"]*"/g, '…').split(/\s+/)
  const verb = words[1] !== undefined && /^[a-z][a-z-]*$/.test(words[1]) ? [words[1]] : []
  return {
    command: words[0]?.startsWith('--') ? [] : [words[0] ?? '', ...verb],
    flags: words.filter((word) => word.startsWith('--')).map((word) => word.replace(/[=,.].*/, '')),
  }
}

describe.each(documents)('%s', (document) => {
  const text = read(document)

  test('links to files that there are', () => {
    const targets = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, target]) => target ?? '')
    const missing = targets.filter((target) => !existsSync(join(root, dirname(document), target)))
    expect(missing).toEqual([])
  })

  test('names npm scripts that there are', () => {
    expect(namedScripts(text).filter((name) => name !== undefined && !(name in scripts))).toEqual([])
  })

  test('names commands that there are, with options that they take', async () => {
    const wrong: string[] = []
    for (const line of namedCommands(text)) {
      const { command, flags } = taken(line)
      const { code, stdout } = await run([...command, '--help'], { desk: new StandInDesk() })
      // An unknown word gets the help of what stands above it.
      if (code !== 0 || !stdout.startsWith(`Usage: ${['claviger', ...command].join(' ')} `)) wrong.push(line)
      for (const flag of flags) if (!new RegExp(`${flag}(?![a-z-])`).test(stdout)) wrong.push(`${line}: ${flag}`)
    }
    expect(wrong).toEqual([])
  })

  test('names options of the environment that there are', () => {
    const known = new Set(Object.values(options).flatMap(({ env }) => [env, `${env}_FILE`]))
    const named = [...text.matchAll(/\bCLAVIGER_[A-Z_]*[A-Z]\b/g)].map(([name]) => name)
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })
})

test('the documents are found', () => {
  expect(documents.map((document) => relative('.', document))).toEqual(
    expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/security.md', 'docs/backup.md']),
  )
})

test('docs/README.md lists every document beside it', () => {
  const index = read('docs/README.md')
  const others = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md') && name !== 'README.md')
  expect(others.filter((name) => !index.includes(`(${name})`))).toEqual([])
})

test('docs/cli.md is what `npm run docs:cli` prints', async () => {
  expect(read('docs/cli.md')).toBe(await cliReference())
})
