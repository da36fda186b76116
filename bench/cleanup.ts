/**
 * Program: what the removal of millions of expired rows costs those who refresh meanwhile. Seconds without it and
 * seconds with it take turns over the same table; the server's own schedule is kept away by the name that it works under.
 */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connectDirectly, type Database, openDatabase } from '../src/storage/connection/database.ts'
import { exclusively } from '../src/storage/connection/exclusively.ts'
import { removeExpired } from '../src/storage/upkeep/housekeeping.ts'
import { endAll, killAll } from './children.ts'
import { createClavigerContender } from './contenders/claviger.ts'
import { type LoadProcess, startLoad } from './load-process.ts'
import type { Measurement } from './load-protocol.ts'
import { startPostgres } from './postgres.ts'
import { newStageFolder, removeStageFolder } from './stage.ts'

interface Wishes {
  millions: number
  rounds: number
  seconds: number
  connections: number
}

interface Round {
  without: Measurement
  during: Measurement
  removed: number
}

interface Rows {
  live: number
  dead: number
}

const batch = 1_000
const retention = { eventRetentionSeconds: 400 * 86_400 }

const middle = (numbers: number[]): number => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

/** Refresh tokens that ended in the last year, with what such rows carry. */
async function fill(url: string, millions: number): Promise<void> {
  const db = await connectDirectly({ url, statementTimeoutMs: 0 }) // a statement may take its time
  const parts = Math.ceil(millions * 10)
  for (let part = 0; part < parts; part += 1) {
    await db.query(
      `insert into artifacts (model, id, payload, grant_id, created_at, expires_at)
       select 6, sha256(($1 || '/' || n)::bytea),
              jsonb_build_object('clientId', 'gone', 'accountId', 'acc_gone', 'grantId', n::text, 'scope', 'openid'),
              $1 || '/' || n, now() - interval '400 days', now() - n * interval '5 minutes'
         from generate_series(1, 100000) n`,
      [String(part)],
    )
    if ((part + 1) % 10 === 0) process.stderr.write(`${(part + 1) / 10} of ${millions} million rows are there\n`)
  }
  await db.query('vacuum analyze artifacts')
  await db.end()
}

async function rowsOf(db: Database): Promise<Rows> {
  await db.query('select pg_stat_force_next_flush()')
  const { rows } = await db.query<Rows>(
    `select n_live_tup::float8 as live, n_dead_tup::float8 as dead from pg_stat_user_tables where relname = 'artifacts'`,
  )
  return rows[0] ?? { live: 0, dead: 0 }
}

/** Removes, with the pauses that a server makes, until it is told to stop; how many rows that were. */
async function removeUntil(db: Database, signal: AbortSignal): Promise<number> {
  let removed = 0
  const pause = (milliseconds: number) => {
    removed += batch // whoever pauses has just removed so many
    return wait(milliseconds, undefined, { signal })
  }
  try {
    await removeExpired(db, new Date(), { ...retention, batch, mostBatches: Number.POSITIVE_INFINITY, pause })
  } catch (error) {
    if (signal.aborted) return removed
    throw error
  }
  throw new Error('there is nothing left to remove: fill in more rows, or measure fewer rounds')
}

async function measureRound(db: Database, load: LoadProcess, seconds: number): Promise<Round> {
  const without = await load.measure(1, seconds)
  const end = new AbortController()
  const removing = removeUntil(db, end.signal)
  const during = await load.measure(1, seconds).finally(() => end.abort())
  return { without, during, removed: await removing }
}

function report(rounds: readonly Round[], seconds: number): string {
  const figures = (which: 'without' | 'during', of: (one: Measurement) => number) =>
    middle(rounds.map((round) => of(round[which])))
  const line = (what: string, of: (one: Measurement) => number, unit: string) => {
    const [without, during] = [figures('without', of), figures('during', of)]
    return `${what.padEnd(24)}${without.toFixed(2).padStart(10)}${during.toFixed(2).padStart(10)} ${unit}   × ${(during / without).toFixed(2)}`
  }
  return [
    `${rounds.length} rounds of ${seconds} s without the removal and ${seconds} s with it; medians`,
    `${''.padEnd(24)}${'without'.padStart(10)}${'with'.padStart(10)}`,
    line('refreshes', ({ steps, seconds: took }) => steps / took, '/s'),
    line('median', ({ p50Milliseconds }) => p50Milliseconds, 'ms'),
    line('p95', ({ p95Milliseconds }) => p95Milliseconds, 'ms'),
    line('p99', ({ p99Milliseconds }) => p99Milliseconds, 'ms'),
    `rows removed in a second        ${Math.round(middle(rounds.map(({ removed }) => removed)) / (seconds + 1))}`,
    '',
  ].join('\n')
}

const rowsLine = (when: string, { live, dead }: Rows) =>
  `${when.padEnd(32)}${(live / 1e6).toFixed(2)} M live rows, ${(dead / 1e6).toFixed(2)} M dead\n`

/** Autovacuum comes once a minute; whoever does not see it within five is told the figures as they are. */
async function afterAutovacuum(db: Database): Promise<Rows> {
  for (let minutes = 0; minutes < 5; minutes += 0.25) {
    const now = await rowsOf(db)
    if (now.dead <= now.live) return now
    await new Promise((resolve) => setTimeout(resolve, 15_000))
  }
  return rowsOf(db)
}

async function measure(folder: string, { millions, rounds, seconds, connections }: Wishes): Promise<void> {
  const postgres = await startPostgres(join(folder, 'postgres'))
  const databaseUrl = await postgres.createDatabase('claviger')
  const contender = await createClavigerContender({ folder, databaseUrl })
  const db = openDatabase({ url: databaseUrl, poolSize: 3 })
  await fill(databaseUrl, millions)
  process.stdout.write(rowsLine('before', await rowsOf(db)))
  const done: Round[] = []
  await exclusively(db, 'remove what has expired', async () => {
    const { target, pid } = await contender.start()
    const load = await startLoad({ flow: 'refresh', target, connections, serverPid: pid, postgresPid: postgres.pid })
    await load.measure(1, 4) // warms the compiler up
    for (let round = 0; round < rounds; round += 1) done.push(await measureRound(db, load, seconds))
    await load.stop()
    process.stdout.write(report(done, seconds))
    await removeExpired(db, new Date(), { ...retention, mostBatches: Math.ceil(millions * 1000) })
  })
  process.stdout.write(rowsLine('when all had been removed', await rowsOf(db)))
  process.stdout.write(rowsLine('after Postgres’ autovacuum', await afterAutovacuum(db)))
  await db.close()
}

const { values } = parseArgs({
  options: {
    millions: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '8' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  process.stdout.write('node bench/cleanup.ts [--millions 5] [--rounds 5] [--seconds 10] [--connections 8]\n')
} else {
  const folder = newStageFolder()
  process.once('exit', killAll)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  try {
    await measure(folder, {
      millions: Number(values.millions),
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      connections: Number(values.connections),
    })
  } finally {
    await endAll()
    removeStageFolder(folder)
  }
}
