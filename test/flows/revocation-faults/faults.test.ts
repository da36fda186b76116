/** Whatever dies or is cut off: once the way is whole again nobody takes a revoked token, and nothing that was known is forgotten. */
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { ensureRunning } from '../../../src/storage/embedded/embedded-postgres.ts'
import { runningPid, stop as stopPostgres } from '../../../src/storage/embedded/postgres-process.ts'
import { isAlive } from '../../../src/storage/embedded/process-table.ts'
import { serviceToken } from '../../harness/deployment.ts'
import { eventually } from '../../harness/eventually.ts'
import { askDatabase } from '../../harness/later.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { FleetProcess, VerifierFleet } from '../../harness/verifier-fleet.ts'
import {
  acceptedToken,
  acceptsAll,
  demandRefusal,
  expectNoBreach,
  type FaultStage,
  maxStaleMs,
  openFaultStage,
  patiently,
  refusesAll,
  revokeAt,
  untilAll,
} from './fault-stage.ts'

const copy = promisify(execFile)
const minutes = 180_000

let stage: FaultStage
/** Every token revoked so far: none of them is ever taken again. */
const revoked: string[] = []

beforeAll(async () => {
  stage = await openFaultStage(30, 3)
}, minutes)
afterAll(() => stage?.close(), minutes)
afterEach(() => expectNoBreach(stage))

const node = (index: number) => stage.nodes.nodes[index] as Provider

async function revoke(at: Provider): Promise<string> {
  const token = await acceptedToken(stage)
  expect(await revokeAt(at, stage, token)).toBe(200)
  await demandRefusal(stage, token)
  revoked.push(token)
  return token
}

/** Each has heard of everything, and says so. */
const expectAllKnown = async () => {
  await untilAll(stage.fleet, revoked, (seen) => seen.state === 'FRESH' && refusesAll(seen))
}

test(
  'a token revoked at any node is refused by the verifiers of all',
  async () => {
    for (const one of stage.nodes.nodes) await revoke(one)
    await expectAllKnown()
  },
  minutes,
)

test(
  'a node killed with -9 while others revoke: its verifiers go to the others and learn everything',
  async () => {
    const [door] = stage.doors.slice(1)
    await node(1).kill()
    await revoke(node(0))
    await expectAllKnown()
    const fresh = await startProvider({ database: { url: stage.url }, env: stage.nodes.env })
    await node(1).stop()
    stage.nodes.nodes[1] = fresh
    door?.lead({ port: fresh.port, host: '127.0.0.1' })
    await revoke(fresh)
    await expectAllKnown()
  },
  minutes,
)

test(
  'Postgres killed with -9: nothing is revoked in vain meanwhile, what was revoked stays so, and the feed goes on',
  async () => {
    await revoke(node(0))
    const token = await acceptedToken(stage)
    const pid = await runningPid(stage.postgres)
    process.kill(pid ?? 0, 'SIGKILL')
    await eventually(() => !isAlive(pid ?? 0) || undefined, patiently)
    const status = await revokeAt(node(0), stage, token)
    expect(status).toBe(503)
    await ensureRunning(stage.home, stage.postgres)
    await eventually(async () => ((await revokeAt(node(0), stage, token)) === 200 ? true : undefined), patiently)
    await demandRefusal(stage, token)
    revoked.push(token)
    await expectAllKnown()
  },
  minutes,
)

describe('a partition', () => {
  test(
    'between all nodes and all verifiers is STALE, then BLIND: 503 and no storm of 401; after the heal nobody takes what was revoked meanwhile',
    async () => {
      const token = await acceptedToken(stage)
      await Promise.all(stage.doors.map((door) => door.close()))
      expect(await revokeAt(node(2), stage, token)).toBe(200)
      await demandRefusal(stage, token)
      revoked.push(token)
      await untilAll(stage.fleet, [token], ({ state }) => state === 'STALE' || state === 'BLIND')
      const known = revoked.slice(0, -1)
      // Known before the cut: refused as ever. Not known: not decided any more.
      await untilAll(stage.fleet, [token], ({ state, outcomes }) => state === 'BLIND' && outcomes[0] === 'unavailable')
      const seen = await stage.fleet.look(known)
      expect(seen.flatMap(({ outcomes }) => outcomes).filter((outcome) => outcome === 'accepted')).toEqual([])
      await Promise.all(stage.doors.map((door) => door.open()))
      await expectAllKnown()
    },
    minutes,
  )
})

test(
  'verifiers killed with -9 and started again know from their disks what they knew',
  async () => {
    await revoke(node(1))
    await expectAllKnown()
    const [killed] = stage.fleet.processes
    await killed?.end()
    const ports = stage.doors.map(({ port }) => port)
    const settings = { ...stage.registered.fleet, ports, persist: stage.home, maxStaleMs, first: 0, count: 10 }
    const again = new FleetProcess(settings)
    stage.fleet.replace(0, again)
    await again.heard('ready')
    await expectAllKnown()
    await revoke(node(0))
    await expectAllKnown()
  },
  minutes,
)

test(
  'an older copy of the database restored under living nodes: they tell it what it forgot, under a new epoch',
  async () => {
    await stopPostgres(stage.postgres)
    await copy('cp', ['-a', stage.postgres.data, `${stage.postgres.data}.older`])
    await ensureRunning(stage.home, stage.postgres)
    await eventually(async () => (await fetch(`${stage.nodes.issuer}/health/ready`)).ok || undefined, patiently)
    const forgotten = await revoke(node(0))
    await expectAllKnown()
    const [before] = await askDatabase<{ epoch: string }>(stage.url, 'select epoch from revocation_feeds')

    await stopPostgres(stage.postgres)
    await rm(stage.postgres.data, { recursive: true })
    await copy('mv', [`${stage.postgres.data}.older`, stage.postgres.data])
    await ensureRunning(stage.home, stage.postgres)
    const remembered = await eventually(async () => {
      const rows = await askDatabase<{ cause: string }>(
        stage.url,
        `select cause from revocations where cause = 'remembered'`,
      )
      return rows.length > 0 || undefined
    }, patiently)
    expect(remembered).toBe(true)
    const [after] = await askDatabase<{ epoch: string }>(stage.url, 'select epoch from revocation_feeds')
    expect(after?.epoch).not.toBe(before?.epoch)
    await untilAll(
      stage.fleet,
      revoked,
      (seen) => seen.cursor?.startsWith(`${after?.epoch}.`) === true && refusesAll(seen),
    )

    // One that never heard of anything learns it from the restored log alone.
    const newcomers = await VerifierFleet.start(stage.registered.fleet, 2, 1)
    try {
      await untilAll(newcomers, [forgotten], refusesAll)
      const token = await serviceToken(node(0), stage.registered.service)
      await untilAll(newcomers, [token], acceptsAll)
    } finally {
      await newcomers.stop()
    }
  },
  minutes,
)
