/** Three nodes on a Postgres of their own, a fleet of verifiers behind doors, and revocations that everybody must come to know. */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { decodeJwt } from 'jose'
import { embeddedUrl, ensureRunning, postgresFolder } from '../../../src/storage/embedded/embedded-postgres.ts'
import { stop as stopPostgres } from '../../../src/storage/embedded/postgres-process.ts'
import { type Nodes, post, type Registered, register, serviceToken, startNodes } from '../../harness/deployment.ts'
import { eventually } from '../../harness/eventually.ts'
import { askDatabase } from '../../harness/later.ts'
import type { Provider } from '../../harness/server.ts'
import { type Door, openDoor } from '../../harness/tcp-door.ts'
import { type SeenVerifier, VerifierFleet } from '../../harness/verifier-fleet.ts'

/** FRESH for five seconds, then STALE, then BLIND. */
export const maxStaleMs = 6_500

export interface FaultStage {
  home: string
  postgres: ReturnType<typeof postgresFolder>
  url: string
  nodes: Nodes
  registered: Registered
  /** Between verifiers and nodes, one for each node. */
  doors: Door[]
  fleet: VerifierFleet
  close(): Promise<void>
}

export async function openFaultStage(verifiers: number, processes: number): Promise<FaultStage> {
  const home = await realpath(await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'faults-')))
  const postgres = postgresFolder(home, false)
  await ensureRunning(home, postgres)
  const url = await embeddedUrl(home, 'postgres')
  const nodes = await startNodes(url, 3)
  const registered = await register(nodes)
  const doors = await Promise.all(registered.fleet.ports.map((port) => openDoor({ port, host: '127.0.0.1' })))
  const settings = { ...registered.fleet, ports: doors.map(({ port }) => port), persist: home, maxStaleMs }
  const fleet = await VerifierFleet.start(settings, verifiers, processes)
  return {
    home,
    postgres,
    url,
    nodes,
    registered,
    doors,
    fleet,
    async close() {
      await fleet.stop()
      await Promise.all(doors.map((door) => door.close()))
      await nodes.stop()
      await stopPostgres(postgres)
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Slow machines are patient ones: what never comes fails all the same. */
export const patiently = { tries: 900, pauseMs: 50 }

/** Until every verifier says so of itself. */
export async function untilAll(
  fleet: VerifierFleet,
  tokens: readonly string[],
  isSo: (seen: SeenVerifier) => boolean,
): Promise<void> {
  let last: SeenVerifier[] = []
  const all = await eventually(async () => {
    last = await fleet.look(tokens)
    return last.every(isSo) || undefined
  }, patiently)
  if (!all) expect(last.filter((seen) => !isSo(seen)).slice(0, 3)).toEqual([])
}

export const refusesAll = ({ outcomes }: SeenVerifier): boolean => outcomes.every((outcome) => outcome === 'revoked')
export const acceptsAll = ({ outcomes }: SeenVerifier): boolean => outcomes.every((outcome) => outcome === 'accepted')

/** A token that every verifier takes at this moment. */
export async function acceptedToken({ fleet, registered, nodes }: FaultStage): Promise<string> {
  const token = await serviceToken(nodes.nodes[0] as Provider, registered.service)
  await untilAll(fleet, [token], acceptsAll)
  return token
}

/** By its client, at a node (RFC 7009); the status of the answer. */
export async function revokeAt(node: Provider, { registered }: FaultStage, token: string): Promise<number> {
  return (await post(node, '/token/revocation', registered.service, { token })).status
}

/** Where the log stood with the revocation in it; from then on no verifier that has read so far may accept the token, ever. */
export async function demandRefusal({ url, fleet }: FaultStage, token: string): Promise<void> {
  const cursor = await eventually(async () => {
    const [row] = await askDatabase<{ cursor: string }>(
      url,
      `select f.epoch || '.' || r.pub_seq as cursor from revocation_feeds f, revocations r
        where r.value = $1 and r.pub_seq is not null`,
      [decodeJwt(token).jti],
    ).catch(() => [])
    return row?.cursor
  }, patiently)
  expect(cursor).toBeDefined()
  await fleet.neverAgain(token, cursor ?? '')
}

/** Everything that was looked at all the while went by the rules, and there was something to look at. */
export async function expectNoBreach({ fleet }: FaultStage): Promise<void> {
  const { breaches, looks } = await fleet.breaches()
  expect(breaches).toEqual([])
  expect(looks).toBeGreaterThan(0)
}
