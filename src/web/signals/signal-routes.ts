/** Event streams over HTTP: stream management (SSF 1.0 §8) and polling (RFC 8936). */
import type { Context, Middleware } from 'koa'
import { Failure } from '../../errors/failure.ts'
import type { OwnAccess } from '../../oidc/tokens/own-access.ts'
import { ssfScopes } from '../../signals/metadata.ts'
import type { PollAnswer, PollRequest } from '../../signals/poll.ts'
import type { StreamDesk } from '../../signals/stream-desk.ts'
import { readPoll } from '../../signals/stream-request.ts'
import { readJson } from '../bodies/json-body.ts'
import { HttpRefusal } from '../routing/http-refusal.ts'
import { refuseAccess } from '../routing/refuse-access.ts'
import { answerOtherMethod } from '../routing/routes.ts'

export interface SignalRoutesNeeds {
  desk: StreamDesk
  access(authorization: string | undefined, anyOf: readonly string[]): Promise<OwnAccess>
  poll(streamId: string, request: PollRequest, signal: AbortSignal): Promise<PollAnswer>
}

export const signalMethods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

interface Endpoint {
  anyOf: readonly string[]
  /** @returns the response body; undefined for a response without a body */
  answer(ctx: Context, clientId: string): Promise<object | undefined>
  /** Default: 200, or 204 without a body. */
  status?: number
}

const reading = [ssfScopes.read, ssfScopes.manage]
const managing = [ssfScopes.manage]
/** The limit for one process. Polls beyond it are answered at once. */
const mostWaiting = 500

export function signalRoutes(needs: SignalRoutesNeeds): Middleware {
  const endpoints = management(needs.desk)
  const polling = pollEndpoint(needs)
  return async (ctx) => {
    const byMethod = endpoints[ctx.path] ?? (/^\/ssf\/poll\/[^/]+$/.test(ctx.path) ? { POST: polling } : undefined)
    if (!byMethod) throw new Failure('page_missing', 'missing', 'There is no such page.')
    const endpoint = byMethod[ctx.method]
    if (!endpoint) return answerOtherMethod(ctx, Object.keys(byMethod))
    const access = await needs.access(ctx.get('Authorization') || undefined, endpoint.anyOf)
    if (access.outcome !== 'allowed') return refuseAccess(ctx, access, doorOf(endpoint))
    const body = await endpoint.answer(ctx, access.client.id)
    ctx.set('Cache-Control', 'no-store')
    ctx.body = body ?? null
    ctx.status = endpoint.status ?? (body === undefined ? 204 : 200)
  }
}

const doorOf = ({ anyOf }: Endpoint) => ({
  realm: 'ssf',
  scopes: anyOf,
  sentence: 'Send an access token for the event streams, obtained with the client credentials grant.',
})

function management(desk: StreamDesk): Readonly<Record<string, Readonly<Record<string, Endpoint>>>> {
  const named = (ctx: Context): string => {
    const { stream_id: id } = ctx.query
    if (typeof id === 'string') return id
    throw new HttpRefusal(400, 'stream_id is missing. Send the stream_id of the stream.')
  }
  const reads = (answer: Endpoint['answer']): Endpoint => ({ anyOf: reading, answer })
  const manages = (answer: Endpoint['answer'], status?: number): Endpoint => ({
    anyOf: managing,
    answer,
    ...(status === undefined ? {} : { status }),
  })
  const nothing = async (work: Promise<void>) => void (await work)
  return {
    '/ssf/streams': {
      GET: reads((ctx, client) => desk.read(client, 'stream_id' in ctx.query ? named(ctx) : undefined)),
      POST: manages(async (ctx, client) => desk.create(client, await readJson(ctx)), 201),
      PATCH: manages(async (ctx, client) => desk.change(client, await readJson(ctx), { keep: true })),
      PUT: manages(async (ctx, client) => desk.change(client, await readJson(ctx), { keep: false })),
      DELETE: manages((ctx, client) => nothing(desk.remove(client, named(ctx)))),
    },
    '/ssf/status': {
      GET: reads((ctx, client) => desk.status(client, named(ctx))),
      POST: manages(async (ctx, client) => desk.setStatus(client, await readJson(ctx))),
    },
    // SSF 1.0 §8.1.3 requires an empty 200 here and an empty 204 for the removal.
    '/ssf/subjects/add': {
      POST: manages(async (ctx, client) => nothing(desk.addSubject(client, await readJson(ctx))), 200),
    },
    '/ssf/subjects/remove': {
      POST: manages(async (ctx, client) => nothing(desk.removeSubject(client, await readJson(ctx)))),
    },
    '/ssf/verification': { POST: manages(async (ctx, client) => nothing(desk.verify(client, await readJson(ctx)))) },
  }
}

function pollEndpoint({ desk, poll }: SignalRoutesNeeds): Endpoint {
  let waiting = 0
  return {
    anyOf: reading,
    async answer(ctx, clientId) {
      const { id, delivery } = await desk.get(clientId, ctx.path.slice('/ssf/poll/'.length))
      if (delivery.method !== 'poll')
        throw new HttpRefusal(409, 'This stream uses push delivery. Change its delivery method to poll it.')
      const request = readPoll(await readJson(ctx))
      const gone = new AbortController()
      ctx.res.once('close', () => gone.abort())
      waiting += 1
      try {
        return await poll(id, waiting > mostWaiting ? { ...request, returnImmediately: true } : request, gone.signal)
      } finally {
        waiting -= 1
      }
    },
  }
}
