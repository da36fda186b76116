/** The stored feed after a restart: which records are loaded, and which are refused. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { openStage, outcome, type Stage, until } from './stage.ts'
import { json } from './stand-in-issuer.ts'

let stage: Stage
let folder: string
let persist: string

beforeEach(async () => {
  stage = await openStage()
  folder = await mkdtemp(join(tmpdir(), 'claviger-verifier-'))
  persist = join(folder, 'feed')
})
afterEach(async () => {
  await stage.close()
  await rm(folder, { recursive: true })
})

const start = () => stage.verifier({ revocation: { persist } as never })

/** Hears of one revocation in the snapshot and one in a frame, and ends. */
async function firstRun() {
  const { issuer } = stage
  await issuer.revoke(4, 'in-the-snapshot')
  const verifier = await start()
  await verifier.ready()
  await issuer.revoke(4, 'in-a-frame')
  await until(async () => (await outcome(verifier, await issuer.token({ sub: 'in-a-frame' }))) === 'revoked')
  await verifier.close()
}

/** Only keys can be had. */
function withoutFeed() {
  without('snapshot', 'changes', 'stream')
}

/** Only keys and snapshots. */
function withoutStream() {
  without('changes', 'stream')
}

function without(...paths: string[]) {
  for (const path of paths) {
    stage.issuer.instead.set(`/revocations/${path}`, (_, response) => {
      response.destroy()
    })
  }
}

test('a restart during an outage loads the stored revocations, as STALE', async () => {
  const { issuer } = stage
  await firstRun()
  withoutFeed()
  const verifier = await start()
  await verifier.ready()
  expect(verifier.state).toBe('STALE')
  for (const sub of ['in-the-snapshot', 'in-a-frame']) {
    expect(await outcome(verifier, await issuer.token({ sub }))).toBe('revoked')
  }
  expect(await outcome(verifier, await issuer.token())).toBe('accepted')
  expect(await outcome(verifier, await issuer.token(), { sensitivity: 'high' })).toBe('accepted')
})

test('a restart continues from the stored cursor, without a new snapshot', async () => {
  const { issuer } = stage
  await firstRun()
  await issuer.revoke(4, 'meanwhile')
  const before = issuer.count('/revocations/snapshot')
  const verifier = await start()
  await until(() => verifier.state === 'FRESH')
  expect(await outcome(verifier, await issuer.token({ sub: 'meanwhile' }))).toBe('revoked')
  expect(issuer.count('/revocations/snapshot')).toBe(before)
})

test('a stored feed older than maxStaleMs leaves the verifier COLD', async () => {
  const { clock } = stage
  await firstRun()
  withoutFeed()
  clock.pass(301_000)
  const verifier = await start()
  await until(() => stage.events.some((event) => event.type === 'snapshot' && event.from === 'disk'))
  expect([verifier.state, verifier.isReady]).toEqual(['COLD', false])
})

test('a stored feed with a time ahead of the clock is not FRESH', async () => {
  const { clock } = stage
  await firstRun()
  withoutFeed()
  clock.setBack(60_000)
  const verifier = await start()
  await until(() => stage.events.some((event) => event.type === 'snapshot' && event.from === 'disk'))
  expect(verifier.state).toBe('COLD')
})

test.each([
  ['emptied', () => ''],
  ['filled with nonsense', () => 'x\n{}\n[1]\n'],
  ['cut short', (text: string) => text.slice(0, text.indexOf('\n') + 20)],
  ['whose entries somebody removed', (text: string) => text.replace(/"entries":\[.*\]\}/, '"entries":[]}')],
  ['whose signature is another', (text: string) => text.replace(/(.{4})"\}\n/, 'AAAA"}\n')],
])('a stored feed that was %s does not make the verifier ready', async (_, change) => {
  await firstRun()
  await writeFile(persist, change(await readFile(persist, 'utf8')))
  withoutFeed()
  const verifier = await start()
  await until(() => stage.events.some((event) => event.type === 'failure' && event.what === 'feed'))
  expect(verifier.state).toBe('COLD')
  stage.issuer.instead.clear()
  await verifier.ready()
  expect(await outcome(verifier, await stage.issuer.token({ sub: 'in-a-frame' }))).toBe('revoked')
})

test('a frame that a crash cut off is skipped', async () => {
  await firstRun()
  const whole = await readFile(persist, 'utf8')
  await writeFile(persist, `${whole}{"frame":"eyJhb`)
  withoutFeed()
  const verifier = await start()
  await verifier.ready()
  expect(await outcome(verifier, await stage.issuer.token({ sub: 'in-a-frame' }))).toBe('revoked')
})

test('revocations of a former epoch stay in the stored feed', async () => {
  const { issuer } = stage
  await firstRun()
  issuer.epoch = '11111111-2222-4333-8444-555555555555'
  issuer.log = []
  const second = await start()
  await until(() => second.metrics().snapshots === 1 && second.state === 'FRESH')
  await second.close()
  withoutFeed()
  const third = await start()
  await third.ready()
  for (const sub of ['in-the-snapshot', 'in-a-frame']) {
    expect(await outcome(third, await issuer.token({ sub }))).toBe('revoked')
  }
})

test('an older snapshot does not replace later frames', async () => {
  const { issuer } = stage
  await issuer.revoke(4, 'in-the-snapshot')
  const old = await issuer.snapshot()
  issuer.instead.set('/revocations/snapshot', (_, response) => {
    response.end(old)
  })
  await issuer.revoke(4, 'in-a-frame')
  const first = await start()
  await first.ready()
  await until(() => first.metrics().entries === 2)
  issuer.instead.set('/revocations/stream', (_, response) => {
    withoutStream()
    json(response, {}, 410)
  })
  issuer.drop()
  await until(() => first.metrics().snapshots === 2)
  await first.close()
  withoutFeed()
  const second = await start()
  await second.ready()
  expect(await outcome(second, await issuer.token({ sub: 'in-a-frame' }))).toBe('revoked')
})

test('the file is readable by its owner only, and a missing folder does not stop the verifier', async () => {
  await firstRun()
  expect((await stat(persist)).mode & 0o777).toBe(0o600)
  const verifier = await stage.verifier({ revocation: { persist: join(folder, 'nowhere', 'feed') } as never })
  await verifier.ready()
  await until(() => stage.events.some((event) => event.type === 'failure' && event.what === 'persist'))
  expect(await outcome(verifier, await stage.issuer.token())).toBe('accepted')
})
