/** Two nodes that rotate by their schedule, and a service that says its name and is slow to fetch the next key. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { addApi } from '../../harness/people.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { ageKeys } from '../../storage/age-keys.ts'

const audience = 'https://orders.example'
const interval = 30 * 86_400
const hold = 12 * 3_600
/** The nodes step twice a second; a slow machine may take its time. */
const patience = { tries: 600, pauseMs: 100 }

let database: TestDatabase
let db: Database
const nodes: Provider[] = []

beforeAll(async () => {
  database = await freshDatabase()
  db = openDatabase({ url: database.url, poolSize: 1 })
  const env = {
    CLAVIGER_KEY_ENCRYPTION_KEY: 'h'.repeat(43),
    CLAVIGER_KEY_ROTATION_INTERVAL: '30d',
    CLAVIGER_KEY_PUBLISH_LEAD: '2s',
    CLAVIGER_KEY_PROMOTION_HOLD: '12h',
  }
  nodes.push(await startProvider({ database, env }))
  nodes.push(await startProvider({ database, env: { ...env, CLAVIGER_ISSUER: nodes[0]?.issuer ?? '' } }))
  await addApi(nodes[0] as Provider, audience)
}, 240_000)

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  await db?.close()
  await database?.drop()
})

const kidIn = async (state: string, alg: string) => {
  const { rows } = await db.query<{ kid: string }>(
    'select kid from signing_keys where state::text = $1 and alg = $2 order by created_at desc',
    [state, alg],
  )
  return rows[0]?.kid ?? ''
}

const promoted = (kid: string, alg: string) => eventually(async () => (await kidIn('active', alg)) === kid, patience)

const lagging = async () => {
  const [node] = nodes as [Provider]
  const { readiness } = await node.cli<{ readiness: { kid: string; lagging: string[] }[] }>(['keys', 'schedule'])
  return readiness.find(({ kid, lagging: names }) => names.length > 0 && kid !== '')
}

/** The service fetches the key set by its name, and that is written down. */
async function fetchKeys(): Promise<void> {
  const [node] = nodes as [Provider]
  const published = (await (await fetch(node.url(`/jwks?verifier=${audience}`))).json()) as { keys: { kid: string }[] }
  const kids = published.keys.map(({ kid }) => kid)
  const isCounted = await eventually(async () => {
    const { rowCount } = await db.query('select from jwks_sightings where verifier = $1 and kid = any($2) limit $3', [
      audience,
      kids,
      kids.length,
    ])
    return rowCount === kids.length
  }, patience)
  expect(isCounted).toBe(true)
}

/** An interval goes by: both algorithms are due. Of RS256 the service knows the next key; of ES256 as the test has it. */
async function untilDue(): Promise<{ es: string; rs: string; present: string }> {
  const found = {
    es: await kidIn('pending', 'ES256'),
    rs: await kidIn('pending', 'RS256'),
    present: await kidIn('active', 'ES256'),
  }
  await ageKeys(db, interval)
  return found
}

describe('a scheduled promotion', () => {
  test('waits while a service that says its name has not fetched the next key, the other algorithm rotates; and goes on once it has', async () => {
    await fetchKeys()
    const [node] = nodes as [Provider]
    // The standby signs, and the service has never seen the one that is made now.
    await node.cli(['keys', 'rotate', '--alg', 'ES256', '--now'])
    const { es, rs, present } = await untilDue()
    // Both were due in the same step: where one was taken, the other was held.
    expect(await promoted(rs, 'RS256')).toBe(true)
    expect(await kidIn('active', 'ES256')).toBe(present)
    expect(await lagging()).toMatchObject({ kid: es, lagging: [audience] })
    await fetchKeys()
    expect(await promoted(es, 'ES256')).toBe(true)
  }, 120_000)

  test('waits no longer than the bound for one that never comes', async () => {
    // What it fetched last was before this standby was made.
    const { es, rs, present } = await untilDue()
    expect(await promoted(rs, 'RS256')).toBe(true)
    expect(await kidIn('active', 'ES256')).toBe(present)
    await ageKeys(db, hold)
    expect(await promoted(es, 'ES256')).toBe(true)
  }, 120_000)
})
