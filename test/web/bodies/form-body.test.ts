import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import compose from 'koa-compose'
import Provider from 'oidc-provider'
import { csrf, openStage, type Stage, uid } from '../stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

const formType = { 'content-type': 'application/x-www-form-urlencoded' }
const own = `/interaction/${uid}/login`

describe.each([
  ['a form of a page', own],
  ['a form for the engine', '/token'],
])('%s: invalid bodies', (_name, path) => {
  const send = (body: string | Buffer) => stage.send(path, { method: 'POST', headers: formType, body })

  test('a body of more than 56 KiB is refused with 413, with or without Content-Length', async () => {
    expect((await send('a'.repeat(57_345))).status).toBe(413)
    const chunked = await stage.send(path, {
      method: 'POST',
      headers: formType,
      chunks: Array.from({ length: 60 }, () => 'a'.repeat(1000)),
    })
    expect(chunked.status).toBe(413)
  })
  test.each([
    ['bytes that are not UTF-8', Buffer.from([0x61, 0x3d, 0xff, 0xfe])],
    ['a broken escape', 'a=%zz'],
    ['escapes that are not UTF-8', 'a=%c3%28'],
    ['a NUL', 'a=%00'],
    ['a raw NUL', 'a=\0'],
  ])('a body with %s is refused with 400', async (_what, body) => {
    const reply = await send(body)
    expect(reply.status).toBe(400)
    expect(reply.heading).toBe('This request cannot be completed')
  })
})

describe('Forms of pages', () => {
  test.each([
    ['application/json', '{}'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['text/plain', 'a=b'],
  ])('a form sent as %s is refused with 415', async (type, body) => {
    expect((await stage.send(own, { method: 'POST', headers: { 'content-type': type }, body })).status).toBe(415)
  })
  test('a form with a repeated field is refused', async () => {
    const body = `csrf=${csrf}&login=ada&login=ben&password=right`
    expect((await stage.send(own, { method: 'POST', headers: formType, body })).status).toBe(400)
    expect(stage.calls).toEqual([])
  })
  test('fields named like object properties, such as __proto__, have no effect', async () => {
    const fields = { csrf, login: 'ada@example.com', password: 'wrong', __proto__x: '1', constructor: 'x' }
    const body = `${new URLSearchParams(fields)}&__proto__=polluted&prototype=x`
    expect((await stage.send(own, { method: 'POST', headers: formType, body })).status).toBe(422)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

test('the engine reads a form that was checked before, without a warning', async () => {
  const hush = [jest.spyOn(console, 'warn'), jest.spyOn(console, 'info')].map((spy) => spy.mockImplementation(() => {}))
  const client = {
    client_id: 'svc',
    client_secret: 'shh',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [] as never[],
  }
  const provider = new Provider(stage.url, { clients: [client], features: { clientCredentials: { enabled: true } } })
  const handle = compose(provider.middleware)
  stage.engine = (ctx, next) => handle(ctx as never, next)
  const basic = { authorization: `Basic ${Buffer.from('svc:shh').toString('base64')}`, accept: '*/*' }
  const reply = await stage.send('/token', {
    method: 'POST',
    headers: { ...formType, ...basic },
    body: 'grant_type=client_credentials',
  })
  expect([reply.status, JSON.parse(reply.text).token_type]).toEqual([200, 'Bearer'])
  const chunked = await stage.send('/token', {
    method: 'POST',
    headers: { ...formType, ...basic },
    chunks: ['grant_type=', 'client_credentials'],
  })
  expect(chunked.status).toBe(200)
  const json = await stage.send('/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...basic },
    body: '{}',
  })
  expect([json.status, JSON.parse(json.text).error]).toEqual([400, 'invalid_request'])
  // The engine warns when another parser has read the body.
  expect(hush.flatMap((spy) => spy.mock.calls).join()).not.toContain('already parsed')
  for (const spy of hush) spy.mockRestore()
})
