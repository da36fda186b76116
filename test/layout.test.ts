/** The law of the house: a room imports its own files and rooms on lower floors, never upward, never a neighbour. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from '@jest/globals'

const source = join(import.meta.dirname, '../src')

const floors = [
  ['errors', 'guessing'],
  ['config', 'events', 'outbound', 'rhythm'],
  ['accounts', 'clients', 'keyring', 'revocation'],
  ['credentials', 'consent', 'logout', 'signals'],
  ['oidc', 'operations'],
  ['storage', 'web', 'cli'],
  ['deployment'],
  ['node', 'desk'],
  ['.'],
]

/** The one room that may import this package. */
const owners: Record<string, string> = {
  pg: 'storage',
  koa: 'web',
  '@koa/router': 'web',
  eta: 'web',
  'oidc-provider': 'oidc',
  argon2: 'credentials',
  bcrypt: 'credentials',
  commander: 'cli',
  'csv-parse': 'cli',
  '@inquirer/prompts': 'cli',
  pino: 'events',
  'prom-client': 'events',
}

/** The engine is a Koa app: its types may name Koa's. */
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

/** What this file does against the law, in words. */
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

describe('the law holds', () => {
  test.each(files)('%s keeps to its room', (file) => {
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

  test('only outbound/ asks servers that others name', () => {
    // The doctor asks whether the issuer is reached.
    const exempt = /^outbound\/|^cli\/doctor\/issuer-check\.ts$/
    const asking = /(?<![.\w])fetch\(|globalThis\.fetch|from 'undici'|\brequest\b[^'"\n]* from 'node:https?'/
    expect(files.filter((file) => !exempt.test(file) && asking.test(readFileSync(join(source, file), 'utf8')))).toEqual(
      [],
    )
  })

  test('nothing hides in an attic, and file names are kebab-case words', () => {
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

describe('the law would notice', () => {
  test.each([
    ['an import from above', 'accounts/a.ts', `import { x } from '../oidc/oidc.ts'`],
    ['an import from a neighbour', 'accounts/a.ts', `import type { x } from '../clients/client.ts'`],
    ['a re-export from above', 'errors/a.ts', `export { x } from '../config/config.ts'`],
    ['a side-effect import', 'web/a.ts', `import '../cli/cli.ts'`],
    ['an import in the middle of the code', 'web/a.ts', `const x = await import('../storage/database.ts')`],
    ['an import over several lines', 'web/a.ts', `import {\n  x,\n  y,\n} from '../storage/database.ts'`],
    ['a package of another room', 'web/a.ts', `import { Pool } from 'pg'`],
    ['a part of a package of another room', 'web/a.ts', `import x from 'oidc-provider/lib/x.js'`],
    ['a room without a floor', 'utils/a.ts', ''],
    ['the roof imported from below', 'cli/a.ts', `import { x } from '../compose.ts'`],
  ])('%s', (_, file, text) => {
    expect(breaches(file, text)).toHaveLength(1)
  })

  test.each([
    ['its own files', 'accounts/a.ts', `import { x } from './b.ts'`],
    ['a deeper file of its own room', 'cli/keys/a.ts', `import { x } from '../printer.ts'`],
    ['a lower floor', 'storage/a.ts', `import { x } from '../accounts/account.ts'`],
    ['types of Koa in oidc', 'oidc/a.ts', `import type { Context } from 'koa'`],
    ['words about imports in a comment', 'errors/a.ts', `// import { x } from '../oidc/oidc.ts'`],
  ])('and lets %s pass', (_, file, text) => {
    expect(breaches(file, text)).toEqual([])
  })
})
