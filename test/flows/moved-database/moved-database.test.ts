/** The database moves while sockets to the old server stay open: nothing is promised falsely, and every node follows. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { runClaviger } from '../../harness/cli.ts'
import { eventually } from '../../harness/eventually.ts'
import { addClient, addPerson } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { signIn } from '../../harness/sign-in.ts'
import { findSystemPostgres } from '../../harness/system-postgres.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { MovingStage, patiently } from './moving-stage.ts'

const binaries = await findSystemPostgres()
const minutes = 180_000
const redirectUri = 'https://app.example/callback'

let stage: MovingStage | undefined
const open = async (more?: Record<string, string>): Promise<MovingStage> => {
  stage = await MovingStage.open(binaries ?? '', more)
  return stage
}
afterEach(async () => {
  await stage?.close()
  stage = undefined
}, minutes)

const jtiOf = (token: string) => String(decodeJwt(token).jti)
const refused = async (on: MovingStage, token: string) =>
  (await on.outcomes(token)).every((outcome) => outcome === 'revoked') || undefined

/** Whatever a command promised is so; and at last it promises. */
async function expectTruthAndRecovery(on: MovingStage, token: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const answer = await on.revoke(jtiOf(token))
    if (answer?.void_by) {
      expect(answer.confirmed_by).toBe(2)
      break
    }
    expect(tries).toBeLessThan(60)
  }
  expect(await eventually(() => refused(on, token), patiently)).toBe(true)
  await on.untilReady()
  // A door that forwards nothing does not forward the end of a connection either.
  if (on.doors.some((door) => door.wasFrozen)) return
  let left: unknown[] = []
  await eventually(async () => {
    left = await on.leftBehind()
    return left.length === 0 || undefined
  })
  expect(left).toEqual([])
}

;(binaries ? describe : describe.skip)(
  'the database moves to a promoted standby (needs the postgresql package)',
  () => {
    test.each([
      ['stays writable and keeps its sockets', async (_on: MovingStage) => {}],
      [
        'was made read-only and keeps its sockets',
        async (on: MovingStage) => {
          await on.old.ask('alter system set default_transaction_read_only = on')
          await on.old.ask('select pg_reload_conf()')
        },
      ],
      [
        'vanished without closing a socket',
        async (on: MovingStage) => {
          for (const door of on.doors) door.freeze()
        },
      ],
    ])(
      'a command promises a bound only when it holds, and every node follows, where the old primary %s',
      async (_, fence) => {
        const on = await open()
        const token = await on.acceptedToken()
        const person = await addPerson(on.node(0))
        const client = await addClient(on.node(0), { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
        await on.standbyCaughtUp()
        await on.promote()
        await fence(on)
        on.lead()
        await expectTruthAndRecovery(on, token)
        // A look-up that went to the old server would not find the sign-in that was just begun.
        const app = new PlainClient(client, { issuer: on.nodes.issuer, redirectUri, port: () => on.node(0).port })
        const { url, verifier } = app.start()
        const arrived = await signIn(new UserAgent(on.nodes.issuer), url, person)
        expect((await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)).status).toBe(200)
      },
      minutes,
    )

    test(
      'a node that stays with the old primary is named by the command, and no bound is promised',
      async () => {
        const on = await open()
        const token = await on.acceptedToken()
        await on.standbyCaughtUp()
        await on.promote()
        on.lead(on.doors.slice(0, 1))
        const stray = `${on.node(1).pid}`
        const answer = await eventually(async () => {
          const seen = await on.revoke(jtiOf(token))
          expect(seen?.void_by ?? null).toBeNull()
          return seen?.confirmed_by === 1 ? seen : undefined
        }, patiently)
        expect(answer?.unconfirmed).toEqual([expect.stringContaining(stray)])
        const { stdout } = await on.node(0).command(['tokens', 'revoke', '--jti', jtiOf(token)])
        expect(stdout).not.toContain('within 1 s')
        const doctor = await on.node(0).command(['doctor'])
        expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringContaining(stray)])
        // It comes along late: then the promise holds again.
        on.lead()
        expect(
          await eventually(async () => (await on.revoke(jtiOf(token)))?.void_by ?? undefined, patiently),
        ).toBeDefined()
        expect(await eventually(() => refused(on, token), patiently)).toBe(true)
      },
      minutes,
    )

    test(
      'a primary that becomes read-only makes nodes unready and verifiers STALE, no token is issued, and all returns with it',
      async () => {
        const on = await open()
        await on.acceptedToken()
        await on.old.ask('alter system set default_transaction_read_only = on')
        await on.old.ask('select pg_reload_conf()')
        const unready = await eventually(async () => {
          const seen = await on.ready(0)
          return seen['code'] === 503 ? seen : undefined
        }, patiently)
        expect(unready).toMatchObject({ primary: false, signingKey: true })
        const grant = { grant_type: 'client_credentials', resource: on.registered.fleet.audience }
        const service = new PlainClient(on.registered.service, {
          issuer: on.nodes.issuer,
          redirectUri,
          port: () => on.node(0).port,
        })
        expect((await service.post('/token', grant)).status).toBe(503)
        expect(
          await eventually(async () => (await on.states()).every((state) => state !== 'FRESH') || undefined, patiently),
        ).toBe(true)
        const { code, stdout } = await on.node(0).command(['tokens', 'revoke', '--all', '--yes'])
        expect([code === 0, stdout]).toEqual([false, expect.not.stringContaining('within 1 s')])
        const doctor = await on.node(0).command(['doctor'])
        expect(doctor.stdout).toContain('accepts reads only')
        await on.old
          .ask('set transaction read write; alter system reset default_transaction_read_only')
          .catch(async () => {
            await on.old.ask('alter system reset default_transaction_read_only')
          })
        await on.old.ask('select pg_reload_conf()')
        await on.untilReady()
        expect(
          await eventually(async () => (await on.states()).every((state) => state === 'FRESH') || undefined, patiently),
        ).toBe(true)
      },
      minutes,
    )

    test(
      'a standby as DATABASE_URL: start refuses with a sentence that names it, and doctor finds it',
      async () => {
        const on = await open()
        const env = { ...on.nodes.env, DATABASE_URL: on.standby.url, CLAVIGER_PORT: '0' }
        const started = await runClaviger(['start'], env)
        expect([started.code, started.stderr]).toEqual([1, expect.stringContaining('is a standby')])
        const doctor = await runClaviger(['doctor'], env)
        expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringContaining('is a standby')])
      },
      minutes,
    )

    test(
      'a node with several workers follows the database with each of them',
      async () => {
        const on = await open({ CLAVIGER_WORKERS: '2' })
        const token = await on.acceptedToken()
        await on.standbyCaughtUp()
        await on.promote()
        on.lead()
        const answer = await eventually(async () => {
          const seen = await on.revoke(jtiOf(token))
          return seen?.void_by ? seen : undefined
        }, patiently)
        expect(answer?.confirmed_by).toBe(4)
        expect(await eventually(() => refused(on, token), patiently)).toBe(true)
      },
      minutes,
    )
  },
)
