/** The command line of the benchmark. */
import { parseArgs } from 'node:util'
import type { ContenderName } from './contenders/contender.ts'
import { contenderTitles } from './contenders/contender.ts'
import { flowNames } from './flows/catalogue.ts'

export const measures = [...flowNames, 'statements', 'start'] as const
export type Measure = (typeof measures)[number]

export interface BenchOptions {
  seconds: number
  warmupSeconds: number
  rounds: number
  connections: number
  starts: number
  only: Measure[]
  without: ContenderName[]
  json: boolean
}

export const usage = `npm run bench -- [options]

  --only a,b       measure only these: ${measures.join(', ')}
  --without a,b    leave these contenders out: ${Object.keys(contenderTitles).join(', ')}
  --seconds n      measured time of a cell in a round (5)
  --rounds n       rounds; contenders alternate within each, the median counts (3)
  --connections n  keep-alive connections of the load generator (32)
  --quick          1 second, 2 rounds, 2 starts: to see that all works, not to quote
  --json           one JSON document on stdout; progress stays on stderr

Example: npm run bench -- --only refresh,session --seconds 10
`

const isMeasure = (name: string): name is Measure => (measures as readonly string[]).includes(name)
const isContender = (name: string): name is ContenderName => Object.hasOwn(contenderTitles, name)

/** Throws a sentence for wrong usage; undefined means that help was asked for. */
export function readOptions(args: string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      without: { type: 'string' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      connections: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  return {
    seconds: readNumber('seconds', values.seconds, values.quick ? 1 : 5),
    warmupSeconds: values.quick ? 1 : 2,
    rounds: readNumber('rounds', values.rounds, values.quick ? 2 : 3),
    connections: readNumber('connections', values.connections, 32),
    starts: values.quick ? 2 : 5,
    only: readNames('only', values.only, isMeasure, measures),
    without: values.without ? readNames('without', values.without, isContender, []) : [],
    json: values.json,
  }
}

function readNumber(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (!(value > 0 && value <= 3600)) throw new Error(`--${name} wants a number above 0, not "${text}"`)
  return value
}

function readNames<T extends string>(
  option: string,
  text: string | undefined,
  isName: (name: string) => name is T,
  fallback: readonly T[],
): T[] {
  if (text === undefined) return [...fallback]
  return text.split(',').map((name) => {
    if (!isName(name)) throw new Error(`--${option} does not know "${name}"; --help lists the names`)
    return name
  })
}
