/**
 * What `@claviger/verifier` costs on one core: `node bench/verifier/run.ts [--json] [--seconds 2]`.
 * Each figure is the median of several rounds; contenders take turns, so that
 * whatever else the machine does hits both. "On one core" counts the CPU time of
 * all threads, which other work on the machine disturbs less than the wall clock.
 */
import { hash } from 'node:crypto'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { createVerifier, type Verifier } from '../../packages/verifier/src/verifier.ts'
import { audience, credentials, StandInIssuer } from '../../test/verifier/stand-in-issuer.ts'
import { testClock } from '../../test/verifier/test-clock.ts'
import { heldBytes } from './memory.ts'

const { values } = parseArgs({ options: { json: { type: 'boolean' }, seconds: { type: 'string', default: '1' } } })
const roundMs = Number(values.seconds) * 1000
const rounds = 5
const liveEntries = 100_000
const goals = { warm: 500_000, ratio: 1.3 }

interface Rate {
  /** Steps a second of CPU time. */
  core: number
  /** Steps a second that passed. */
  wall: number
}

type Step = (index: number) => unknown

/** The step's own promise is awaited and nothing around it, or the loop would be measured too. */
async function rate(step: Step, ms: number): Promise<Rate> {
  // Lets what came by the network in, as any service does between requests: a verifier that hears nothing gets stale.
  await new Promise((resolve) => setTimeout(resolve, 50))
  const began = performance.now()
  const until = began + ms
  const spent = process.cpuUsage()
  let done = 0
  while (performance.now() < until) {
    for (let batch = 0; batch < 50; batch += 1) {
      if ((await step(done)) === undefined) throw new Error('a step came to nothing')
      done += 1
    }
  }
  const { user, system } = process.cpuUsage(spent)
  return { core: (done * 1e6) / (user + system), wall: (done * 1000) / (performance.now() - began) }
}

const median = (rates: number[]) => [...rates].sort((one, other) => one - other)[Math.floor(rates.length / 2)] ?? 0
const medians = (rates: Rate[]): Rate => ({
  core: Math.round(median(rates.map(({ core }) => core))),
  wall: Math.round(median(rates.map(({ wall }) => wall))),
})

async function inTurns<Name extends string>(contenders: Record<Name, Step>): Promise<Record<Name, Rate>> {
  const names = Object.keys(contenders) as Name[]
  const rates = new Map<Name, Rate[]>(names.map((name) => [name, []]))
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const reached = await rate(contenders[name], roundMs)
      // The first warms up.
      if (round > 0) rates.get(name)?.push(reached)
    }
  }
  return Object.fromEntries(names.map((name) => [name, medians(rates.get(name) ?? [])])) as Record<Name, Rate>
}

function demand(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`the benchmark measures nothing: ${what}`)
}

const busyBefore = loadavg()[0] ?? 0
const issuer = await StandInIssuer.start(testClock())
const exp = issuer.nowSeconds + 86_400
const options = { issuer: issuer.issuer, audience }
const revocation = { auth: credentials, pinnedFeedKeys: [issuer.feedKey.kid] }

const memory = await heldBytes(issuer, liveEntries, exp, () => createVerifier({ ...options, revocation }))

const warm = await createVerifier({ ...options, revocation })
const cold = await createVerifier({ ...options, revocation, cache: { max: 0 } })
await Promise.all([warm.ready(), cold.ready()])
demand(warm.metrics().entries === liveEntries, 'the entries are not all there')

const tokens = await Promise.all(
  Array.from({ length: 1_000 }, (_, index) => issuer.token({ exp, sub: `acc_${index}` })),
)
const requests = tokens.map((token) => ({ authorization: `Bearer ${token}` }))
const wanted = { scope: 'orders:read' }
const check = (verifier: Verifier) => (index: number) =>
  verifier.verify(requests[index % requests.length] ?? {}, wanted)
const jwks = createRemoteJWKSet(new URL(`${issuer.issuer}/jwks`))
const judged = { issuer: issuer.issuer, audience, algorithms: ['ES256'], typ: 'at+jwt' }
const rates = await inTurns({
  warm: check(warm),
  cold: check(cold),
  jose: (index) => jwtVerify(tokens[index % tokens.length] ?? '', jwks, judged),
  // What a warm check cannot do without: how fast this machine is at the moment.
  digest: (index) => hash('sha256', tokens[index % tokens.length] ?? '', 'base64url'),
})
const refused = [warm, cold].flatMap((verifier) => Object.keys(verifier.metrics().refused))
demand(refused.length === 0, `tokens were refused: ${refused.join()}`)
await Promise.all([warm.close(), cold.close()])
await issuer.stop()

const ratio = rates.cold.core / rates.jose.core
const report = {
  machine: {
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    node: process.version,
    loadBefore: busyBefore,
    loadAfter: loadavg()[0],
  },
  liveEntries,
  checksPerSecond: rates,
  coldToJose: Number(ratio.toFixed(2)),
  bytesHeld: memory,
  goals: { warm: rates.warm.core >= goals.warm, coldToJose: ratio >= goals.ratio },
}
const row = (name: string, { core, wall }: Rate) =>
  `  ${name.padEnd(16)}${core.toLocaleString('en').padStart(10)} ${wall.toLocaleString('en').padStart(12)}`
const isBusy = busyBefore > 0.5
const lines = [
  `verifier, ES256, ${liveEntries.toLocaleString('en')} live revocations; ${report.machine.cpu}, Node ${process.version}`,
  `load average ${busyBefore.toFixed(1)} before this run on ${report.machine.cores} cores${isBusy ? ': the machine is busy with other work' : ''}`,
  '  checks/s        on one core   as passed',
  row('warm cache', rates.warm),
  row('no cache', rates.cold),
  row('jose.jwtVerify', rates.jose),
  row('SHA-256 alone', rates.digest),
  `  warm cache: goal ${goals.warm.toLocaleString('en')} on one core ${report.goals.warm ? 'reached' : 'MISSED'}`,
  `  no cache: ${report.coldToJose} × jose, goal ${goals.ratio} ${report.goals.coldToJose ? 'reached' : 'MISSED'}`,
  `  memory: ${(memory / 2 ** 20).toFixed(1)} MiB with ${liveEntries.toLocaleString('en')} entries, the verifier included`,
]
process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : `${lines.join('\n')}\n`)
process.exitCode = report.goals.warm && report.goals.coldToJose ? 0 : 1
