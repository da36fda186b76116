/** The same promises under every framework, over real connections. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import {
  expressAuth,
  fastifyAuth,
  honoAuth,
  koaAuth,
  tokenOf,
  type Verifier,
  withAuth,
} from '../../../packages/verifier/src/verifier.ts'
import { openStage, type Stage, until } from '../stage.ts'

const needed = { scope: 'orders:read' }

/** An API with one route, that says who asked. */
type Build = (
  verifier: Verifier,
) => Promise<{ ask(headers: Record<string, string>): Promise<Response>; stop(): unknown }>

async function overHttp(listener: Parameters<typeof createServer>[1]) {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ask: (headers: Record<string, string>) => fetch(`http://127.0.0.1:${port}/orders`, { headers }),
    stop: () => server.close(),
  }
}

const builds: [string, Build][] = [
  [
    'Koa',
    (verifier) => {
      const app = new Koa()
      app.use(koaAuth(verifier, needed))
      app.use((ctx) => {
        ctx.body = { sub: tokenOf(ctx).subject, same: tokenOf(ctx) === ctx.state.auth }
      })
      return overHttp(app.callback())
    },
  ],
  [
    'Express',
    (verifier) => {
      const app = express()
      app.get('/orders', expressAuth(verifier, needed), (req, res) => {
        res.json({ sub: tokenOf(req).subject, same: tokenOf(req) === (req as { auth?: unknown }).auth })
      })
      return overHttp(app)
    },
  ],
  [
    'Fastify',
    async (verifier) => {
      const app = fastify()
      app.get('/orders', { onRequest: fastifyAuth(verifier, needed) }, async (request) => ({
        sub: tokenOf(request).subject,
        same: tokenOf(request) === (request as { auth?: unknown }).auth,
      }))
      const address = await app.listen({ port: 0, host: '127.0.0.1' })
      return { ask: (headers) => fetch(`${address}/orders`, { headers }), stop: () => app.close() }
    },
  ],
  [
    'Hono',
    async (verifier) => {
      const app = new Hono<{ Variables: { auth: unknown } }>()
      app.get('/orders', honoAuth(verifier, needed), (c) =>
        c.json({ sub: tokenOf(c).subject, same: tokenOf(c) === c.get('auth') }),
      )
      return { ask: async (headers) => app.request('http://127.0.0.1/orders', { headers }), stop: () => undefined }
    },
  ],
  [
    'a fetch handler',
    async (verifier) => {
      const handler = withAuth(
        (_request, token, same: boolean) => Response.json({ sub: token.subject, same }),
        verifier,
        needed,
      )
      return {
        ask: (headers) => handler(new Request('http://127.0.0.1/orders', { headers }), true),
        stop: () => undefined,
      }
    },
  ],
]

describe.each(builds)('the adapter for %s', (_, build) => {
  let stage: Stage
  let verifier: Verifier
  let api: Awaited<ReturnType<Build>>

  beforeAll(async () => {
    stage = await openStage()
    verifier = await stage.verifier()
    api = await build(verifier)
    await verifier.ready()
  })
  afterAll(async () => {
    await api.stop()
    await stage.close()
  })

  const ask = async (claims?: Record<string, unknown>) =>
    api.ask({ authorization: `Bearer ${await stage.issuer.token(claims)}` })

  test('passes a valid token to the route', async () => {
    const answer = await ask()
    expect([answer.status, await answer.json()]).toEqual([200, { sub: 'acc_1', same: true }])
  })

  test('answers a request without a token with a challenge', async () => {
    const answer = await api.ask({})
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Bearer, DPoP/),
    ])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('refuses a token without the required scope', async () => {
    const answer = await ask({ scope: 'other' })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: 'insufficient_scope' }])
    expect(answer.headers.get('www-authenticate')).toContain('scope="orders:read"')
  })

  test('refuses a revoked token', async () => {
    const token = await stage.issuer.token({ sub: 'gone' })
    const request = { authorization: `Bearer ${token}` }
    expect((await api.ask(request)).status).toBe(200)
    await stage.issuer.revoke(4, 'gone')
    await until(async () => (await api.ask(request)).status === 401)
    expect(await (await api.ask(request)).json()).toMatchObject({ error: 'invalid_token' })
  })

  test('answers 503 with Retry-After while the feed is not available', async () => {
    await stage.issuer.partition()
    stage.clock.pass(301_000)
    const answer = await ask()
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  })
})

test('tokenOf throws in a route without a guard', () => {
  expect(() => tokenOf({})).toThrow('not guarded')
})
