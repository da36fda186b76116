/** The watch of a connection ends when its token is revoked or expires. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { WatchEnd } from '../../packages/verifier/src/verifier.ts'
import { openStage, outcome, type Stage, until } from './stage.ts'

let stage: Stage

beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

async function watched(token: string, maxStaleMs = 300_000) {
  const verifier = await stage.verifier({ revocation: { maxStaleMs } as never })
  await verifier.ready()
  expect(await outcome(verifier, token)).toBe('accepted')
  const heard: WatchEnd[] = []
  const stop = verifier.watch(token, (reason) => heard.push(reason))
  return { verifier, heard, stop }
}

test('a watch calls back once when its token is revoked', async () => {
  const { heard } = await watched(await stage.issuer.token())
  await stage.issuer.revoke(4, 'acc_2')
  await stage.issuer.revoke(4, 'acc_1')
  await stage.issuer.revoke(2, 'session-1')
  await until(() => heard.length > 0)
  await stage.issuer.revoke(3, 'grant-1')
  expect(heard).toEqual(['revoked'])
})

test('a watch calls back when its token expires, without any request', async () => {
  const { heard } = await watched(await stage.issuer.token({ exp: stage.issuer.nowSeconds + 60 }))
  stage.clock.pass(66_000)
  await until(() => heard.length > 0)
  expect(heard).toEqual(['expired'])
})

test('a watch calls back when the feed becomes BLIND', async () => {
  const { heard } = await watched(await stage.issuer.token(), 20_000)
  await stage.issuer.partition()
  stage.clock.pass(21_000)
  await until(() => heard.length > 0)
  expect(heard).toEqual(['unknown'])
})

test('a watch of a malformed token calls back with refused, and a stopped watch does not call back', async () => {
  const { verifier, heard, stop } = await watched(await stage.issuer.token())
  const refused: WatchEnd[] = []
  verifier.watch('nonsense', (reason) => refused.push(reason))
  await until(() => refused.length > 0)
  expect(refused).toEqual(['refused'])
  stop()
  await stage.issuer.revoke(4, 'acc_1')
  await until(async () => (await outcome(verifier, await stage.issuer.token())) === 'revoked')
  expect(heard).toEqual([])
})

test('a listener that throws keeps nobody else from hearing', async () => {
  const token = await stage.issuer.token()
  const { verifier, heard } = await watched(token)
  verifier.watch(token, () => {
    throw new Error('careless')
  })
  const later: WatchEnd[] = []
  verifier.watch(token, (reason) => later.push(reason))
  await stage.issuer.revoke(4, 'acc_1')
  await until(() => heard.length > 0 && later.length > 0)
  expect(verifier.metrics().listenerFailures).toBe(1)
})
