/** Program: what a rotation of signing keys costs a running server, and its requests while it goes over. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Envelope } from '../src/keyring/envelope.ts'
import { LocalKeyVault } from '../src/keyring/key-vault.ts'
import { Keyring } from '../src/keyring/keyring.ts'
import { openDatabase } from '../src/storage/connection/database.ts'
import { PostgresKeyStore } from '../src/storage/keys/key-store.ts'
import { endAll, killAll } from './children.ts'
import { createClavigerContender } from './contenders/claviger.ts'
import { measureExchange } from './engine-exchange.ts'
import { HttpConnection } from './http-connection.ts'
import { startLoad } from './load-process.ts'
import { startPostgres } from './postgres.ts'
import { newStageFolder, removeStageFolder } from './stage.ts'
import type { Target } from './target.ts'

/** Short, so that what a swap does to some requests is not lost among those before and after. */
const windowSeconds = 1

interface Swap {
  /** The whole change in the database: two fresh key pairs, four writes, the commit. */
  rotationMs: number
  /** From the commit to the first token that bears the new key. */
  swapMs: number
  p99Ms: number
}

const middle = (numbers: number[]): number => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

/** The key that signs now, by asking for a token. */
async function signingKid(http: HttpConnection, { endpoints, service }: Target): Promise<string> {
  const credentials = Buffer.from(`${service.clientId}:${service.clientSecret}`).toString('base64')
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope: service.scope }).toString()
  const answer = await http.postForm(endpoints.token, body, `Authorization: Basic ${credentials}\r\n`)
  const { access_token: token = '' } = JSON.parse(answer.text()) as { access_token?: string }
  return (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid
}

async function rotateAndWait(keyring: Keyring, http: HttpConnection, target: Target): Promise<Omit<Swap, 'p99Ms'>> {
  const before = performance.now()
  const { keys } = await keyring.rotate({ now: true })
  const committed = performance.now()
  const next = keys.find(({ alg, state }) => alg === 'ES256' && state === 'active')?.kid
  while ((await signingKid(http, target)) !== next) {
    if (performance.now() - committed > 10_000) throw new Error('the new key was not in use within 10 s')
  }
  return { rotationMs: committed - before, swapMs: performance.now() - committed }
}

async function measure(folder: string, rounds: number): Promise<void> {
  const postgres = await startPostgres(join(folder, 'postgres'))
  const databaseUrl = await postgres.createDatabase('claviger')
  const kek = randomBytes(32)
  const keyEncryptionKey = kek.toString('base64url')
  const contender = await createClavigerContender({ folder, databaseUrl, keyEncryptionKey })
  const { target, pid } = await contender.start()
  const db = openDatabase({ url: databaseUrl, poolSize: 1 })
  const keyring = new Keyring({
    store: new PostgresKeyStore(db),
    vault: new LocalKeyVault(await Envelope.open(() => [kek])),
    times: {
      rotationIntervalSeconds: 30 * 86_400,
      publishLeadSeconds: 86_400,
      longestTokenSeconds: 86_400,
      longestSessionSeconds: 30 * 86_400,
      skewSeconds: 60,
    },
    algorithms: ['ES256', 'RS256'],
    audit: { write: () => {} },
  })
  const load = await startLoad({
    flow: 'client-credentials',
    target,
    connections: 32,
    serverPid: pid,
    postgresPid: undefined,
  })
  await load.measure(1, 4) // warms the compiler up
  const http = new HttpConnection(target.issuer)
  const steady: number[] = []
  const swaps: Swap[] = []
  for (let round = 0; round < rounds; round++) {
    steady.push((await load.measure(0.3, windowSeconds)).p99Milliseconds)
    const measured = load.measure(0.3, windowSeconds)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const swap = await rotateAndWait(keyring, http, target)
    swaps.push({ ...swap, p99Ms: (await measured).p99Milliseconds })
  }
  http.close()
  await db.close()
  const exchange = await measureExchange(rounds * 3)
  const [p99Steady, p99Swap] = [middle(steady), middle(swaps.map(({ p99Ms }) => p99Ms))]
  const ms = (value: number) => `${value.toFixed(1)} ms`
  process.stdout.write(
    [
      `${rounds} rotations of ES256 and RS256 under 32 connections of client credentials; medians`,
      `the change in the database, two key pairs included   ${ms(middle(swaps.map(({ rotationMs }) => rotationMs)))}`,
      `from its commit to the first token of the new key     ${ms(middle(swaps.map(({ swapMs }) => swapMs)))}`,
      `p99 in a second of steady load                        ${ms(p99Steady)}`,
      `p99 in a second with a rotation in its middle         ${ms(p99Swap)} (${(p99Swap / p99Steady).toFixed(2)} times)`,
      `the exchange of the engine itself: CPU time             ${ms(exchange.cpuMs)}, at most ${ms(exchange.blockMs)} in one piece`,
      'failed requests                                       0 (one would have ended the run)',
      '',
    ].join('\n'),
  )
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' }, help: { type: 'boolean' } } })
if (values.help) process.stdout.write('node bench/swap.ts [--rounds 9]\n')
else {
  const folder = newStageFolder()
  process.once('exit', killAll)
  try {
    await measure(folder, Number(values.rounds))
  } finally {
    await endAll()
    removeStageFolder(folder)
  }
}
