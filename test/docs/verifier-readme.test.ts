/** packages/verifier/README.md is a full reference: every option, state, event, reason and adapter stands in it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'

const home = join(import.meta.dirname, '../../packages/verifier')
const page = readFileSync(join(home, 'README.md'), 'utf8')
const source = (file: string) => readFileSync(join(home, 'src', file), 'utf8')

/** The body of an interface or a type. */
function declaration(file: string, name: string): string {
  const [, body = ''] =
    new RegExp(`export (?:interface|type) ${name} ?=?([\\s\\S]*?)\\n(?:}|\\n)`).exec(source(file)) ?? []
  return body
}

const members = (file: string, name: string) =>
  [...declaration(file, name).matchAll(/^ {2}(\w+)\??:/gm)].map(([, member = '']) => member)

const words = (file: string, name: string) =>
  [...declaration(file, name).matchAll(/'([\w-]+)'/g)].map(([, word = '']) => word)

const cases: [string, string[]][] = [
  // A clock is handed in by tests only.
  ['option of createVerifier', members('options.ts', 'VerifierOptions').filter((name) => name !== 'clock')],
  ['option of revocation', members('options.ts', 'RevocationOptions').filter((name) => name !== 'onEvent')],
  ['option of dpop', members('dpop.ts', 'DpopOptions')],
  ['requirement of a route', members('requirements.ts', 'Requirements')],
  ['state', words('freshness.ts', 'FeedState')],
  ['reason of a refusal', words('verdict.ts', 'RefusalReason')],
  ['reason of the end of a watch', words('watchers.ts', 'WatchEnd')],
  ['event', [...source('telemetry.ts').matchAll(/\| \{ type: '([\w-]+)'/g)].map(([, type = '']) => type)],
]

describe('the reference of @claviger/verifier', () => {
  test.each(cases)('names every %s', (_what, names) => {
    expect(names.length).toBeGreaterThan(3)
    expect(names.filter((name) => !new RegExp(`\`${name}\\b|\`[^\`]*\\b${name}\\b[^\`]*\``).test(page))).toEqual([])
  })

  test('names every adapter', () => {
    const adapters = readdirSync(join(home, 'src/adapters')).flatMap((file) =>
      [...source(`adapters/${file}`).matchAll(/export function (\w*[aA]uth)\b/g)].map(([, name = '']) => name),
    )
    expect(adapters).toHaveLength(5)
    expect(adapters.filter((name) => !page.includes(`${name}(`))).toEqual([])
  })
})
