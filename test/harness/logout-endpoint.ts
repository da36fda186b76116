/** The server of an app that wants to be told of sign-outs: it believes a logout token only as the specification says. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, decodeJwt, type JWTPayload, jwtVerify } from 'jose'

export interface LogoutEndpointOptions {
  issuer: string
  /** Its `id_token_signed_response_alg`; RS256 by default, as of a new client. */
  alg?: string
  /** Zero: any free one. */
  port?: number
}

type Answer = number | 'hang'

export interface LogoutEndpoint {
  url: string
  port: number
  /** Set before anything can arrive. */
  clientId: string
  /** What the requests about this session are answered, in order; 200 in the end. `hang`: nothing, until `release`. */
  answer(sid: unknown, ...answers: Answer[]): void
  /** Claims of tokens that were believed and answered by 200 or 204. */
  told: JWTPayload[]
  /** Why others were not. */
  refused: string[]
  /** How many requests about this session have come. */
  asked(sid: unknown): number
  /** Answers by 200 what still hangs. */
  release(): void
  close(): Promise<void>
}

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

export async function startLogoutEndpoint(options: LogoutEndpointOptions): Promise<LogoutEndpoint> {
  const keys = createRemoteJWKSet(new URL(`${options.issuer}/jwks`), { cooldownDuration: 0 })
  const hanging = new Set<ServerResponse>()
  const known = new Set<string>()
  const answers = new Map<unknown, Answer[]>()
  const asked = new Map<unknown, number>()

  const server = createServer((request, response) => {
    request.on('error', () => {})
    response.on('close', () => hanging.delete(response))
    textOf(request)
      .then(async (text) => {
        const { sid } = decodeJwt(new URLSearchParams(text).get('logout_token') ?? '')
        asked.set(sid, endpoint.asked(sid) + 1)
        const answer = answers.get(sid)?.shift() ?? 200
        if (answer === 'hang') return void hanging.add(response)
        if (answer !== 200 && answer !== 204) return void response.writeHead(answer).end()
        endpoint.told.push(await believed(request.headers['content-type'], text))
        response.writeHead(answer, { 'cache-control': 'no-store' }).end()
      })
      .catch((error: Error) => {
        endpoint.refused.push(error.message)
        response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_request"}')
      })
  })
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve),
  )
  const { port } = server.address() as AddressInfo

  /** OpenID Connect Back-Channel Logout 1.0 §2.6. @throws what is wrong with it */
  async function believed(type: string | undefined, text: string): Promise<JWTPayload> {
    if (type !== 'application/x-www-form-urlencoded') throw new Error(`it came as ${type}`)
    const form = new URLSearchParams(text)
    if ([...form.keys()].join() !== 'logout_token') throw new Error(`the form holds ${[...form.keys()]}`)
    const { payload } = await jwtVerify(form.get('logout_token') ?? '', keys, {
      issuer: options.issuer,
      audience: endpoint.clientId,
      algorithms: [options.alg ?? 'RS256'],
      typ: 'logout+jwt',
      requiredClaims: ['iat', 'exp', 'jti', 'events'],
      clockTolerance: 5,
    })
    const events = payload['events'] as Record<string, unknown>
    if (!isEmptyObject(events[logoutEvent])) throw new Error('it tells of no sign-out')
    if (payload.sub === undefined && payload['sid'] === undefined) throw new Error('it names nobody')
    if ('nonce' in payload) throw new Error('it has a nonce, as an ID token')
    if (Number(payload.exp) - Number(payload.iat) > 120) throw new Error('it lives too long')
    if (known.has(String(payload.jti))) throw new Error('it came before')
    known.add(String(payload.jti))
    return payload
  }

  const endpoint: LogoutEndpoint = {
    url: `http://127.0.0.1:${port}/logout`,
    port,
    clientId: '',
    answer: (sid, ...list) => answers.set(sid, list),
    asked: (sid) => asked.get(sid) ?? 0,
    told: [],
    refused: [],
    release() {
      for (const response of hanging) response.writeHead(200).end()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return endpoint
}

async function textOf(request: AsyncIterable<Buffer>): Promise<string> {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const isEmptyObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
