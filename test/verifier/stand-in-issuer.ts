/** An issuer with a revocation feed, written from docs/revocation-feed.md alone, that can also be made to misbehave. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose'
import type { TestClock } from './test-clock.ts'

export type Entry = [kind: number, key: string, notBefore: number | null, exp: number]

export interface SigningKey {
  kid: string
  alg: string
  privateKey: CryptoKey
  jwk: JWK
}

type CryptoKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

export async function newKey(alg = 'ES256', kid?: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  const name = kid ?? (await calculateJwkThumbprint(jwk))
  return { kid: name, alg, privateKey, jwk: { ...jwk, kid: name, alg, use: 'sig' } }
}

export const audience = 'https://orders.example'
export const credentials = { clientId: 'orders api', clientSecret: 'geheim & lang' }

/** What an answer is instead of the honest one. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

export class StandInIssuer {
  readonly clock: TestClock
  readonly tokenKey: SigningKey
  readonly feedKey: SigningKey
  issuer = ''
  epoch: string = randomUUID()
  salt = randomBytes(16)
  log: Entry[] = []
  floor = 0
  jwks: JWK[]
  jwksVersion = 'one'
  jwksMaxAge = 300
  /** By path: what to answer instead. */
  readonly instead = new Map<string, Answer>()
  readonly requests: string[] = []
  /** Tokens that introspection calls inactive. */
  readonly inactive = new Set<string>()
  /** Each so many milliseconds on the streams; 0: only when told. */
  #beating: NodeJS.Timeout | undefined
  readonly #streams = new Set<ServerResponse>()
  readonly #waiting = new Set<() => void>()
  #server: Server | undefined

  private constructor(clock: TestClock, tokenKey: SigningKey, feedKey: SigningKey) {
    this.clock = clock
    this.tokenKey = tokenKey
    this.feedKey = feedKey
    this.jwks = [tokenKey.jwk]
  }

  static async start(clock: TestClock): Promise<StandInIssuer> {
    const one = new StandInIssuer(clock, await newKey('ES256', 'key-1'), await newKey('RS256'))
    one.issuer = `http://127.0.0.1:${await one.listen(0)}`
    one.beatEach(100)
    return one
  }

  get feed(): string {
    return `${this.issuer}/revocations`
  }

  get nowSeconds(): number {
    return Math.floor(this.clock.wallMs() / 1000)
  }

  beatEach(ms: number): void {
    clearInterval(this.#beating)
    if (ms > 0) this.#beating = setInterval(() => void this.beat(), ms)
  }

  keyOf(kind: number, value: string): string {
    return createHash('sha256')
      .update(this.salt)
      .update(Buffer.of(kind))
      .update(value)
      .digest()
      .subarray(0, 16)
      .toString('base64url')
  }

  /** Writes into the log and tells the streams. */
  async revoke(
    kind: number,
    value: string,
    notBefore: number | null = null,
    exp = this.nowSeconds + 660,
  ): Promise<void> {
    await this.append([kind, this.keyOf(kind, value), notBefore, exp])
  }

  async append(entry: Entry): Promise<void> {
    this.log.push(entry)
    const seq = this.log.length
    const text = await this.frame(seq, seq, [entry])
    for (const wake of this.#waiting) wake()
    this.send(text)
  }

  /** Into the log without a word to anybody. */
  appendSilently(entry: Entry): void {
    this.log.push(entry)
  }

  async beat(): Promise<void> {
    this.send(await this.heartbeat())
  }

  heartbeat(): Promise<string> {
    return this.frame(this.log.length + 1, this.log.length, [])
  }

  send(text: string): void {
    for (const stream of this.#streams) stream.write(`data: ${text}\n\n`)
  }

  sendRaw(text: string): void {
    for (const stream of this.#streams) stream.write(text)
  }

  frame(from: number, to: number, entries: unknown[], more: Record<string, unknown> = {}): Promise<string> {
    const content = { epoch: this.epoch, from, to, jwks: this.jwksVersion, entries, ...more }
    return this.event('urn:claviger:event:revocations', content)
  }

  event(
    event: string,
    content: object,
    { key = this.feedKey, iat = this.nowSeconds, iss = this.issuer, aud = this.feed, header = {} } = {} as {
      key?: SigningKey
      iat?: number
      iss?: string
      aud?: string
      header?: Partial<JWTHeaderParameters>
    },
  ): Promise<string> {
    return new SignJWT({ iss, aud, iat, jti: randomUUID(), events: { [event]: content } })
      .setProtectedHeader({ alg: key.alg, typ: 'secevent+jwt', kid: key.kid, ...header })
      .sign(key.privateKey)
  }

  async snapshot(over: { iss?: string; content?: object; manifest?: object } = {}): Promise<string> {
    const seq = this.log.length
    const entries = this.log
    const salt = this.salt.toString('base64url')
    const content = JSON.stringify({ epoch: this.epoch, salt, seq, entries, ...over.content })
    const sha256 = createHash('sha256').update(content).digest('base64url')
    const told = { epoch: this.epoch, seq, count: entries.length, sha256, ...over.manifest }
    const manifest = await this.event('urn:claviger:event:revocation-snapshot', told, over.iss ? { iss: over.iss } : {})
    return `${JSON.stringify({ manifest })}\n${content}\n`
  }

  async token(
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
    key = this.tokenKey,
  ): Promise<string> {
    const iat = this.nowSeconds
    const all = {
      iss: this.issuer,
      aud: audience,
      sub: 'acc_1',
      client_id: 'app',
      jti: randomUUID(),
      iat,
      exp: iat + 600,
    }
    return new SignJWT({ ...all, scope: 'orders:read', sid: 'session-1', grant_id: 'grant-1', ...claims })
      .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header })
      .sign(key.privateKey)
  }

  count(path: string): number {
    return this.requests.filter((one) => one.startsWith(path)).length
  }

  /** Cuts every connection. */
  drop(): void {
    this.#server?.closeAllConnections()
    this.#streams.clear()
  }

  /** Nobody gets through any more. */
  async partition(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve))
    this.drop()
    await closed
  }

  async heal(): Promise<void> {
    await this.listen(Number(new URL(this.issuer).port))
  }

  async stop(): Promise<void> {
    this.beatEach(0)
    if (this.#server?.listening) await this.partition()
  }

  /** @returns the port */
  private async listen(port: number): Promise<number> {
    const server = createServer((request, response) => {
      void this.#answer(request, response)
    })
    this.#server = server
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x')
    this.requests.push(request.url ?? '/')
    const instead = this.instead.get(pathname)
    if (instead) return instead(request, response)
    if (pathname === '/.well-known/openid-configuration') return json(response, this.#discovery())
    if (pathname === '/jwks') return this.#answerJwks(request, response)
    const expected = `Basic ${Buffer.from('orders+api:geheim+%26+lang').toString('base64')}`
    if (request.headers.authorization !== expected) return json(response, { error: 'invalid_client' }, 401)
    if (pathname === '/introspect') return this.#introspect(request, response)
    if (pathname === '/revocations/snapshot') return void response.end(await this.snapshot())
    const after = request.headers['last-event-id'] ?? searchParams.get('after')
    const [epoch, seq] = String(after).split('.')
    const from = Number(seq)
    if (epoch !== this.epoch || from > this.log.length || from < this.floor) return json(response, {}, 410)
    if (pathname === '/revocations/stream') return this.#stream(response, from)
    if (pathname === '/revocations/changes') return this.#changes(response, from, Number(searchParams.get('wait')))
    json(response, {}, 404)
  }

  #discovery() {
    return {
      issuer: this.issuer,
      jwks_uri: `${this.issuer}/jwks`,
      introspection_endpoint: `${this.issuer}/introspect`,
      revocation_feed_endpoint: this.feed,
      revocation_feed_jwks: { keys: [this.feedKey.jwk] },
    }
  }

  #answerJwks(request: IncomingMessage, response: ServerResponse): void {
    const etag = `"${createHash('sha256').update(JSON.stringify(this.jwks)).digest('base64url')}"`
    response.setHeader('etag', etag).setHeader('cache-control', `public, max-age=${this.jwksMaxAge}`)
    if (request.headers['if-none-match'] === etag) {
      response.statusCode = 304
      response.end()
    } else json(response, { keys: this.jwks })
  }

  async #introspect(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const token = new URLSearchParams(Buffer.concat(chunks).toString()).get('token') ?? ''
    json(response, { active: !this.inactive.has(token) })
  }

  async #missing(after: number): Promise<string[]> {
    const to = this.log.length
    return after < to ? [await this.frame(after + 1, to, this.log.slice(after))] : []
  }

  async #stream(response: ServerResponse, after: number): Promise<void> {
    response.setHeader('content-type', 'text/event-stream')
    response.flushHeaders()
    for (const text of [...(await this.#missing(after)), await this.heartbeat()]) response.write(`data: ${text}\n\n`)
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
  }

  async #changes(response: ServerResponse, after: number, waitSeconds: number): Promise<void> {
    if (after === this.log.length && waitSeconds > 0) {
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#waiting.delete(done)
          clearTimeout(timer)
          resolve()
        }
        const timer = setTimeout(done, waitSeconds * 1000)
        this.#waiting.add(done)
        response.on('close', done)
      })
    }
    const missing = await this.#missing(after)
    json(response, missing.length > 0 ? missing : [await this.heartbeat()])
  }
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}
