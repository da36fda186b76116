/**
 * Program: could a stopwatch tell who has an account? Sign-ins that fail for different reasons take turns, each from an
 * address of its own; told are the medians, and how far apart they are.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connectDirectly } from '../src/storage/connection/database.ts'
import { Browser, findForm } from './browser.ts'
import { endAll, killAll } from './children.ts'
import { createClavigerContender } from './contenders/claviger.ts'
import { createClavigerCli } from './contenders/claviger-cli.ts'
import { HttpConnection } from './http-connection.ts'
import { startPostgres } from './postgres.ts'
import { newStageFolder, removeStageFolder } from './stage.ts'
import type { Target } from './target.ts'

/** A hash of nothing that anybody will type: the work is what counts. */
const bcryptHash = '$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'

interface Kind {
  title: string
  login: string
  password: string
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const middle = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((one) => ({ one, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}

/** Milliseconds from the press of the button to the whole answer, of a sign-in that fails. */
async function failedSignIn({ issuer, endpoints, app }: Target, { login, password }: Kind): Promise<number> {
  const http = new HttpConnection(issuer)
  const browser = new Browser(http, new URL(issuer).origin)
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: app.redirectUri,
    scope: 'openid',
    code_challenge: randomBytes(32).toString('base64url'),
    code_challenge_method: 'S256',
  })
  const location = (await browser.get(`${endpoints.authorization}?${query}`)).header('location') ?? ''
  const form = findForm((await browser.get(location)).text(), 'name="?password"?', location)
  if (!form) throw new Error('no login form')
  form.fields.set('login', login)
  form.fields.set('password', password)
  const before = performance.now()
  const { status } = await browser.post(form.action, form.fields)
  const took = performance.now() - before
  http.close()
  if (status !== 422) throw new Error(`a failed sign-in was answered with ${status}`)
  return took
}

async function measure(folder: string, tries: number): Promise<void> {
  const postgres = await startPostgres(join(folder, 'postgres'))
  const databaseUrl = await postgres.createDatabase('claviger')
  const keyEncryptionKey = randomBytes(32).toString('base64url')
  const contender = await createClavigerContender({ folder, databaseUrl, keyEncryptionKey })
  const cli = createClavigerCli({ DATABASE_URL: databaseUrl, CLAVIGER_KEY_ENCRYPTION_KEY: keyEncryptionKey })
  await cli(['users', 'add', 'disabled@bench.example', '--password-stdin'], `${randomBytes(12).toString('hex')}\n`)
  await cli(['users', 'disable', 'disabled@bench.example'])
  const imported = { email: 'imported@bench.example', password_hash: bcryptHash }
  await cli(['users', 'import', '-f', '-'], `${JSON.stringify(imported)}\n`)
  const { target } = await contender.start()
  const login = target.people[0]?.login ?? ''
  const password = 'a wrong password of length'
  const kinds: Kind[] = [
    { title: 'wrong password', login, password },
    { title: 'empty password', login, password: '' },
    { title: 'nobody of that name', login: 'nobody@bench.example', password },
    { title: 'disabled', login: 'disabled@bench.example', password },
    { title: 'imported, bcrypt 12', login: imported.email, password },
  ]
  const db = await connectDirectly({ url: databaseUrl })
  await sleep(2_000) // what a node does by itself soon after its start
  const times = new Map(kinds.map(({ title }) => [title, [] as number[]]))
  for (let round = -5; round < tries; round += 1) {
    for (const kind of shuffled(kinds)) {
      await db.query('truncate sign_in_attempts') // or guesses would be held back
      const took = await failedSignIn(target, kind)
      if (round >= 0) times.get(kind.title)?.push(took)
    }
  }
  await db.end()
  const medians = [...times].map(([title, all]) => ({ title, median: middle(all) }))
  for (const { title, median } of medians)
    process.stdout.write(`${title.padEnd(24)}${median.toFixed(1).padStart(8)} ms\n`)
  const all = medians.map(({ median }) => median)
  process.stdout.write(
    `${'farthest apart'.padEnd(24)}${(Math.max(...all) - Math.min(...all)).toFixed(1).padStart(8)} ms\n`,
  )
}

const { values } = parseArgs({ options: { tries: { type: 'string', default: '200' }, help: { type: 'boolean' } } })
if (values.help) process.stdout.write('node bench/telling-apart.ts [--tries 200]\n')
else {
  const folder = newStageFolder()
  process.once('exit', killAll)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  try {
    await measure(folder, Number(values.tries))
  } finally {
    await endAll()
    removeStageFolder(folder)
  }
}
