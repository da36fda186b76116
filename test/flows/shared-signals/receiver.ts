/** A receiver of security events as its authors would write it: discovery, a token, streams, and every check of a SET. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import { type AddedClient, addClient } from '../../harness/people.ts'
import { basic } from '../../harness/plain-client.ts'
import type { Provider } from '../../harness/server.ts'

export interface Metadata {
  issuer: string
  jwks_uri: string
  configuration_endpoint: string
  status_endpoint: string
  add_subject_endpoint: string
  remove_subject_endpoint: string
  verification_endpoint: string
  [member: string]: unknown
}

export interface Stream {
  stream_id: string
  aud: string
  delivery: { method: string; endpoint_url: string }
  events_delivered: string[]
  [member: string]: unknown
}

/** A SET that has passed every check. */
export interface Told extends JWTPayload {
  jti: string
  txn: string
  sub_id: { format: string; [member: string]: unknown }
  /** The last part of the event type's URI. */
  event: string
  content: Record<string, unknown>
}

export type Receiver = Awaited<ReturnType<typeof receiver>>

export const tokenFor = async (provider: Provider, client: AddedClient, scope: string): Promise<string> => {
  const answer = await fetch(provider.url('/token'), {
    method: 'POST',
    headers: { authorization: basic(client.client_id, client.client_secret ?? '') },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
  })
  const { access_token: token, error } = (await answer.json()) as { access_token?: string; error?: string }
  if (token === undefined) throw new Error(`no token: ${answer.status} ${error}`)
  return token
}

export const addReceiver = (provider: Provider): Promise<AddedClient> =>
  addClient(provider, { preset: 'service', name: 'A SIEM', more: ['--right', 'shared-signals'] })

export async function receiver(provider: Provider, client?: AddedClient) {
  const self = client ?? (await addReceiver(provider))
  const { origin, pathname } = new URL(provider.issuer)
  const wellKnown = `${origin}/.well-known/ssf-configuration${pathname === '/' ? '' : pathname}`
  const metadata = (await (await fetch(wellKnown)).json()) as Metadata
  const token = await tokenFor(provider, self, 'ssf.read ssf.manage')
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))

  const call = (url: string, method: string, body?: unknown) =>
    fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const opened = async (jws: string): Promise<Told> => {
    const { payload } = await jwtVerify(jws, keys, {
      issuer: provider.issuer,
      audience: self.client_id,
      algorithms: ['RS256'],
    })
    if (decodeProtectedHeader(jws).typ !== 'secevent+jwt') throw new Error('not a SET')
    if ('sub' in payload || 'exp' in payload) throw new Error('a SET of SSF has neither sub nor exp')
    const events = Object.entries(payload['events'] as Record<string, Record<string, unknown>>)
    const [[type, content] = ['', {}]] = events
    if (events.length !== 1) throw new Error('a SET holds one event')
    return { ...payload, event: type.split('/').at(-1) ?? '', content } as Told
  }
  const create = async (body: object = {}): Promise<Stream> => {
    const answer = await call(metadata.configuration_endpoint, 'POST', body)
    if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as Stream
  }
  const pollOnce = async (stream: Stream, request: object = {}) => {
    const answer = await call(stream.delivery.endpoint_url, 'POST', { returnImmediately: true, ...request })
    if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`)
    const { sets, moreAvailable } = (await answer.json()) as { sets: Record<string, string>; moreAvailable: boolean }
    const told = await Promise.all(Object.values(sets).map(opened))
    if (told.some(({ jti }) => !(jti in sets))) throw new Error('a SET under another jti')
    return { told, moreAvailable }
  }
  /** Waits, polls and acknowledges until so many have come; what comes in the same answer is given too. */
  const gather = async (stream: Stream, least: number): Promise<Told[]> => {
    const all: Told[] = []
    for (let rounds = 0; all.length < least && rounds < 50; rounds += 1) {
      const ack = all.map(({ jti }) => jti)
      all.push(...(await pollOnce(stream, { ack, returnImmediately: false })).told)
    }
    await pollOnce(stream, { ack: all.map(({ jti }) => jti), maxEvents: 0 })
    return all
  }
  return { client: self, token, metadata, call, opened, create, pollOnce, gather }
}

export interface PushEndpoint {
  url: string
  /** Bodies of the requests that were answered 202, in order. */
  readonly accepted: string[]
  readonly headers: Record<string, unknown>[]
  /** What it answers from now on; 202 by default. A function is asked for each. */
  answer: { status: number; body?: string } | ((count: number) => { status: number; body?: string })
  requests: number
  close(): Promise<void>
}

/** Where events are pushed to, on the loopback. */
export async function pushEndpoint(): Promise<PushEndpoint> {
  const endpoint = {
    url: '',
    accepted: [] as string[],
    headers: [] as Record<string, unknown>[],
    requests: 0,
  } as PushEndpoint
  endpoint.answer = { status: 202 }
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      endpoint.requests += 1
      const { status, body } =
        typeof endpoint.answer === 'function' ? endpoint.answer(endpoint.requests) : endpoint.answer
      if (status === 202) {
        endpoint.accepted.push(Buffer.concat(chunks).toString('utf8'))
        endpoint.headers.push(request.headers)
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end(body ?? '')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endpoint.url = `http://localhost:${(server.address() as AddressInfo).port}/events`
  endpoint.close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return endpoint
}
