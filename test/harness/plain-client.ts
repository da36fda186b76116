/** An app that checks nothing and sends what it is told: for flows where the request itself is the test. */
import { createHash, randomBytes } from 'node:crypto'
import type { Agent } from 'node:http'
import type { AddedClient } from './people.ts'
import { ask, type WireAnswer } from './wire.ts'

export interface PlainStart {
  url: URL
  verifier: string
}

export interface PlainAnswer extends WireAnswer {
  json: Record<string, unknown>
}

export interface PlainClientPlace {
  issuer: string
  /** Where the issuer is reached by plain HTTP; asked for each request. */
  port(): number
  redirectUri: string
  scope?: string
  agent?: Agent
}

export class PlainClient {
  readonly id: string
  readonly #place: PlainClientPlace
  readonly #secret: string | undefined

  constructor({ client_id, client_secret }: AddedClient, place: PlainClientPlace) {
    this.id = client_id
    this.#secret = client_secret
    this.#place = place
  }

  /** An authorization request with PKCE; an empty value takes a parameter away. */
  start(parameters: Record<string, string> = {}): PlainStart {
    const verifier = randomBytes(32).toString('base64url')
    const url = new URL(`${this.#place.issuer}/auth`)
    const all = {
      client_id: this.id,
      redirect_uri: this.#place.redirectUri,
      response_type: 'code',
      scope: this.#place.scope ?? 'openid email',
      state: randomBytes(8).toString('base64url'),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...parameters,
    }
    for (const [name, value] of Object.entries(all)) if (value !== '') url.searchParams.set(name, value)
    return { url, verifier }
  }

  exchange(code: string, verifier: string, more: Record<string, string> = {}): Promise<PlainAnswer> {
    const { redirectUri } = this.#place
    return this.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      ...more,
    })
  }

  refresh(token: string): Promise<PlainAnswer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: token })
  }

  token(parameters: Record<string, string>): Promise<PlainAnswer> {
    return this.post('/token', parameters)
  }

  /** Authenticates by HTTP Basic if it has a secret, names itself otherwise. */
  async post(
    path: string,
    parameters: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<PlainAnswer> {
    const { issuer, port, agent } = this.#place
    const { host, pathname } = new URL(issuer)
    const form = new URLSearchParams(this.#secret === undefined ? { client_id: this.id, ...parameters } : parameters)
    const answer = await ask(port(), {
      method: 'POST',
      path: `${pathname === '/' ? '' : pathname}${path}`,
      headers: {
        host,
        'content-type': 'application/x-www-form-urlencoded',
        ...(this.#secret === undefined ? {} : { authorization: basic(this.id, this.#secret) }),
        ...headers,
      },
      body: form.toString(),
      ...(agent ? { agent } : {}),
    })
    return { ...answer, json: answer.text.startsWith('{') ? JSON.parse(answer.text) : {} }
  }
}

export const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`
