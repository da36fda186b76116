/** Back-channel logout by several nodes: each app is told once while all are well, and is told all the same when one dies. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { type LogoutEndpoint, startLogoutEndpoint } from '../../harness/logout-endpoint.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const slowly = 300_000
const patience = { tries: 2_000 }

let database: TestDatabase
let first: Provider
const others: Provider[] = []
let endpoint: LogoutEndpoint
let shop: RelyingParty
let person: Person

/** Another process of the same deployment. */
async function startAnother(): Promise<Provider> {
  const { CLAVIGER_ISSUER = '', CLAVIGER_KEY_ENCRYPTION_KEY = '' } = first.env
  const node = await startProvider({ database, env: { CLAVIGER_ISSUER, CLAVIGER_KEY_ENCRYPTION_KEY } })
  others.push(node)
  return node
}

beforeAll(async () => {
  database = await freshDatabase()
  first = await startProvider({ database })
  endpoint = await startLogoutEndpoint({ issuer: first.issuer })
  const client = await addClient(first, {
    preset: 'web',
    firstParty: true,
    redirectUris: ['https://app.example/callback'],
    more: ['--backchannel-logout-uri', endpoint.url, '--backchannel-logout-session-required'],
  })
  endpoint.clientId = client.client_id
  shop = await relyingParty(first.issuer, client)
  person = await addPerson(first)
}, slowly)

afterAll(async () => {
  await endpoint?.close()
  for (const node of others) await node.stop()
  await first?.stop()
  await database?.drop()
}, slowly)

/** What the shop calls the session of a new browser. */
const newSession = async () =>
  decodeJwt((await signInTo(shop, new UserAgent(first.issuer), person)).id_token ?? '')['sid']
const told = () => endpoint.told.map((claims) => claims['sid'])

test(
  'two nodes make each delivery once',
  async () => {
    const second = await startAnother()
    const sids = []
    for (let browser = 0; browser < 6; browser += 1) sids.push(await newSession())
    await first.cli(['users', 'sign-out', '--yes', person.email])
    await eventually(() => endpoint.told.length >= sids.length || undefined, patience)
    await second.stop()
    expect(told().sort()).toEqual(sids.sort())
    expect(endpoint.refused).toEqual([])
  },
  slowly,
)

test(
  'a node that is killed (-9) while an app thinks leaves the delivery to another node',
  async () => {
    const sid = await newSession()
    endpoint.answer(sid, 'hang')
    await first.cli(['users', 'sign-out', '--yes', person.email])
    expect(await eventually(() => endpoint.asked(sid) || undefined, patience)).toBe(1)
    await first.kill()
    expect(told()).not.toContain(sid)
    await startAnother()
    expect(await eventually(() => told().includes(sid) || undefined, patience)).toBe(true)
    expect(endpoint.asked(sid)).toBe(2)
  },
  slowly,
)
