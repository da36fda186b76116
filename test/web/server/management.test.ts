import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createManagement } from '../../../src/web/server/management.ts'

let server: Server
let isBroken = false
let isDraining = false
let failing: string | undefined
beforeEach(async () => {
  const registry = {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    metrics: async () => {
      if (isBroken) throw new Error('broken')
      return 'claviger_up 1\n'
    },
  }
  const health = {
    isDraining: () => isDraining,
    check: async () => ({
      database: true,
      signingKey: true,
      clock: true,
      primary: true,
      notifications: true,
      revocations: true,
      ...(failing ? { [failing]: false } : {}),
    }),
  }
  server = createServer(createManagement({ health, registry, log: { error: () => {} } }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())))

const get = (path: string, method = 'GET') =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { method })

test('the management port serves only metrics and health checks', async () => {
  expect(await (await get('/metrics')).text()).toBe('claviger_up 1\n')
  expect((await get('/health/live')).status).toBe(200)
  expect((await get('/health/ready')).status).toBe(200)
  expect((await get('/')).status).toBe(404)
  expect((await get('/metrics', 'POST')).status).toBe(405)
})
test('a draining node is live and not ready', async () => {
  isDraining = true
  expect((await get('/health/live')).status).toBe(200)
  expect((await get('/health/ready')).status).toBe(503)
})
test('metrics that cannot be collected are answered with 500 and no body', async () => {
  isBroken = true
  expect([(await get('/metrics')).status, await (await get('/metrics')).text()]).toEqual([500, ''])
})

test.each(['database', 'signingKey', 'clock', 'primary', 'notifications', 'revocations'])(
  'a node whose check %s fails is not ready, and the answer names that check',
  async (check) => {
    isDraining = false
    failing = check
    const answer = await get('/health/ready')
    failing = undefined
    expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ [check]: false })])
  },
)
