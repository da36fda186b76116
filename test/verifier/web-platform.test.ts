/** Where Node's own crypto is missing, everything is decided the same by Web Crypto. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { findPlatform } from '../../packages/verifier/src/platform.ts'
import type { Verifier } from '../../packages/verifier/src/verifier.ts'
import { webPlatform } from '../../packages/verifier/src/web-platform.ts'
import { openStage, outcome, type Stage, until } from './stage.ts'
import { newKey } from './stand-in-issuer.ts'

let stage: Stage
let verifier: Verifier

beforeAll(async () => {
  const without = jest.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
  stage = await openStage()
  expect(await findPlatform()).toBe(webPlatform)
  verifier = await stage.verifier()
  without.mockRestore()
  await verifier.ready()
})
afterAll(() => stage.close())

test('with Web Crypto, valid tokens are accepted, also from the cache, and forged ones refused', async () => {
  const token = await stage.issuer.token()
  expect([await outcome(verifier, token), await outcome(verifier, token)]).toEqual(['accepted', 'accepted'])
  expect(verifier.metrics().cacheHits).toBe(1)
  const forged = await stage.issuer.token({}, {}, await newKey('ES256', 'key-1'))
  expect(await outcome(verifier, forged)).toBe('bad_signature')
})

test('with Web Crypto, revoked tokens are refused', async () => {
  const token = await stage.issuer.token()
  expect(await outcome(verifier, token)).toBe('accepted')
  await stage.issuer.revoke(4, 'acc_1')
  await until(async () => (await outcome(verifier, token)) === 'revoked')
})
