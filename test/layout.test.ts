/** The layout law: a room imports its own files and rooms on lower floors, and no others. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { floors, floorTable, owners } from './layout-floors.ts'

const source = join(import.meta.dirname, '../src')

/** The engine is a Koa app, so `oidc` may import types of Koa. */
const typesAllowed: Record<string, string[]> = { koa: ['oidc'] }

interface Import {
  name: string
  typeOnly: boolean
}

const statement = /\b(?:import|export)\s+(type\s+)?(?:[^'";]*?\bfrom\s*)?'([^']+)'|\bimport\s*\(\s*'([^']+)'/g

function importsOf(text: string): Import[] {
  const code = text.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '')
  return [...code.matchAll(statement)].map((match) => ({
    name: match[2] ?? match[3] ?? '',
    typeOnly: match[1] !== undefined,
  }))
}

const roomOf = (file: string) => (file.includes('/') ? (file.split('/')[0] ?? '') : '.')
const floorOf = (room: string) => floors.findIndex((rooms) => rooms.includes(room))
const packageOf = (name: string) => name.split('/', name.startsWith('@') ? 2 : 1).join('/')

/** Every breach of the law in this file, as a phrase. */
function breaches(file: string, text: string): string[] {
  const here = roomOf(file)
  if (floorOf(here) < 0) return [`${here}/ has no floor`]
  return importsOf(text).flatMap(({ name, typeOnly }) => {
    if (!name.startsWith('.')) {
      const owner = owners[packageOf(name)]
      const allowed =
        owner === undefined || owner === here || (typeOnly && typesAllowed[packageOf(name)]?.includes(here))
      return allowed ? [] : [`${name} belongs to ${owner}/`]
    }
    if (!name.endsWith('.ts')) return [`${name} is not named with its extension`]
    const there = roomOf(posix.join(posix.dirname(file), name))
    return there === here || floorOf(there) < floorOf(here) ? [] : [`${there}/ is not below ${here}/`]
  })
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort()

describe('the layout law', () => {
  test.each(files)('src/%s imports only its own room and lower floors', (file) => {
    expect(breaches(file, readFileSync(join(source, file), 'utf8'))).toEqual([])
  })

  test('@claviger/verifier imports its own files, jose and nothing else', () => {
    const home = join(import.meta.dirname, '../packages/verifier/src')
    const own = readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
    expect(own.length).toBeGreaterThan(30)
    const foreign = own.flatMap((file) =>
      importsOf(readFileSync(join(home, file), 'utf8'))
        .map(({ name }) => name)
        .filter((name) =>
          name.startsWith('.') ? posix.join(posix.dirname(file), name).startsWith('..') : name !== 'jose',
        )
        .map((name) => `${file} imports ${name}`),
    )
    expect([...new Set(foreign)]).toEqual([
      'node-platform.ts imports node:crypto',
      'platform.ts imports node:crypto',
      'verifier.ts imports node:fs/promises',
    ])
  })

  test('only outbound/ sends requests to servers that apps or receivers name', () => {
    // The doctor checks that the issuer can be reached.
    const exempt = /^outbound\/|^cli\/doctor\/issuer-check\.ts$/
    const asking = /(?<![.\w])fetch\(|globalThis\.fetch|from 'undici'|\brequest\b[^'"\n]* from 'node:https?'/
    expect(files.filter((file) => !exempt.test(file) && asking.test(readFileSync(join(source, file), 'utf8')))).toEqual(
      [],
    )
  })

  test('no folder is called utils, helpers or common, and file names are kebab-case', () => {
    expect(
      files.filter((file) => /(^|\/)(utils?|helpers?|common|shared|lib|misc|managers?)(\/|\.ts$)/.test(file)),
    ).toEqual([])
    expect(files.filter((file) => !/^([a-z0-9-]+\/)*[a-z0-9-]+\.ts$/.test(file))).toEqual([])
    expect(files.filter((file) => file.endsWith('index.ts'))).toEqual([])
  })

  test('no file is longer than 300 lines', () => {
    const long = files.filter((file) => readFileSync(join(source, file), 'utf8').split('\n').length > 300)
    expect(long).toEqual([])
  })
})

test('docs/decisions/0002-layout-law.md has the table of the floors', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/decisions/0002-layout-law.md'), 'utf8')
  expect(page).toContain(`<!-- floors -->\n${floorTable()}\n<!-- /floors -->`)
})

describe('the layout law finds', () => {
  test.each([
    ['an import from a higher floor', 'accounts/a.ts', `import { x } from '../oidc/oidc.ts'`],
    ['an import from a neighbour', 'accounts/a.ts', `import type { x } from '../clients/client.ts'`],
    ['a re-export from a higher floor', 'errors/a.ts', `export { x } from '../config/config.ts'`],
    ['a side-effect import', 'web/a.ts', `import '../cli/cli.ts'`],
    ['an import in the middle of the code', 'web/a.ts', `const x = await import('../storage/database.ts')`],
    ['an import over several lines', 'web/a.ts', `import {\n  x,\n  y,\n} from '../storage/database.ts'`],
    ['a package of another room', 'web/a.ts', `import { Pool } from 'pg'`],
    ['a part of a package of another room', 'web/a.ts', `import x from 'oidc-provider/lib/x.js'`],
    ['a room without a floor', 'utils/a.ts', ''],
    ['the roof imported from below', 'cli/a.ts', `import { x } from '../compose.ts'`],
  ])('one breach in %s', (_, file, text) => {
    expect(breaches(file, text)).toHaveLength(1)
  })

  test.each([
    ['an import of a file of the same room', 'accounts/a.ts', `import { x } from './b.ts'`],
    ['a deeper file of the same room', 'cli/keys/a.ts', `import { x } from '../printer.ts'`],
    ['an import from a lower floor', 'storage/a.ts', `import { x } from '../accounts/account.ts'`],
    ['an import of types of Koa in oidc', 'oidc/a.ts', `import type { Context } from 'koa'`],
    ['words about imports in a comment', 'errors/a.ts', `// import { x } from '../oidc/oidc.ts'`],
  ])('no breach in %s', (_, file, text) => {
    expect(breaches(file, text)).toEqual([])
  })
})
