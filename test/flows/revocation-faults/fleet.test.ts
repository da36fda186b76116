/** A whole deployment in one run: three nodes, five hundred verifiers, revocations of every kind in any order. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Desk } from '../../../src/cli/desk.ts'
import { openDesk } from '../../../src/desk/desk.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { type Nodes, type Registered, register, startNodes } from '../../harness/deployment.ts'
import { Revocables } from '../../harness/revocable.ts'
import { VerifierFleet } from '../../harness/verifier-fleet.ts'

const verifiers = 500
const processes = 5
const minutes = 600_000

let database: TestDatabase
let nodes: Nodes
let registered: Registered
let desk: Desk
let fleet: VerifierFleet

beforeAll(async () => {
  database = await freshDatabase()
  nodes = await startNodes(database.url, 3)
  registered = await register(nodes)
  desk = await openDesk({ ...nodes.env, DATABASE_URL: database.url })
  fleet = await VerifierFleet.start(registered.fleet, verifiers, processes)
}, minutes)
afterAll(async () => {
  await fleet?.stop()
  await desk?.close()
  await nodes?.stop()
  await database?.drop()
}, minutes)

test(
  'what is revoked by jti, session, grant, person, app, key or all at once, over HTTP or by command, is refused by each of 500 verifiers, and nothing else is',
  async () => {
    const revocables = new Revocables(nodes, registered, desk)
    const chosen = await revocables.make(1)
    const [bystander] = await revocables.make(1)
    const key = await revocables.key()
    await fleet.watch([...chosen, key].map(({ token }) => token))
    const lasts = chosen.map(({ token }) => fleet.applied(token))
    // All at once: they race each other through three nodes.
    await Promise.all(chosen.map(({ revoke }) => revoke()))
    await Promise.all(lasts)
    expect(fleet.faults).toEqual([])
    const seen = await fleet.look([bystander?.token ?? '', ...chosen.map(({ token }) => token)])
    expect(seen).toHaveLength(verifiers)
    const all = new Set(seen.map(({ outcomes }) => outcomes.join()))
    expect(all).toEqual(new Set([['accepted', ...chosen.map(() => 'revoked')].join()]))

    await key.revoke()
    await fleet.applied(key.token)
    const after = await fleet.look([key.token, bystander?.token ?? ''])
    // Whoever has fetched the key set since then does not know the key any more.
    const refusals = new Set(after.flatMap(({ outcomes }) => outcomes))
    expect(refusals.isSubsetOf(new Set(['revoked', 'unknown_key']))).toBe(true)

    const everything = await revocables.issuer()
    await fleet.watch([everything.token])
    await everything.revoke()
    await fleet.applied(everything.token)
    const fresh = await revocables.issuer()
    const last = await fleet.look([everything.token, fresh.token])
    expect(new Set(last.map(({ outcomes }) => outcomes.join()))).toEqual(new Set(['revoked,accepted']))
  },
  minutes,
)
