/**
 * Previews a sign-in inside this process, without a network and without a person. The engine gets the requests directly.
 * `login` answers its sign-in and consent prompts at once. Only CLI commands use this; no server offers it.
 */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import Koa, { type Middleware } from 'koa'
import compose from 'koa-compose'
import { Failure } from '../../errors/failure.ts'
import type { Interactions } from '../../oidc/interactions/interactions.ts'
import { followIssuer } from '../bodies/issuer-request.ts'
import type { Place } from '../routing/place.ts'

export interface RehearsalNeeds {
  place: Place
  oidc: { handle: Middleware; interactions: Interactions }
  cookieKeys: readonly string[]
  /** The account that signs in. It allows every access that the app requests. */
  login: { accountId: string; amr: readonly string[]; acr: string }
}

export interface RehearsedAnswer {
  status: number
  location: string | undefined
  text: string
}

export interface Visit {
  form?: Readonly<Record<string, string>>
  bearer?: string
}

/** Requests a path below the issuer and keeps cookies between requests, like a browser. */
export type Visitor = (path: string, visit?: Visit) => Promise<RehearsedAnswer>

export function rehearsal({ place, oidc, cookieKeys, login }: RehearsalNeeds): Visitor {
  const app = new Koa({ keys: [...cookieKeys] })
  followIssuer(app, place)
  const answer = compose<Koa.Context>([answering(oidc.interactions, login), oidc.handle])
  const cookies = new Map<string, string>()
  return async (path, visit = {}) => {
    const request = requestOf(place, path, visit, cookies)
    const ctx = app.createContext(request, new ServerResponse(request)) as Koa.Context
    await answer(ctx)
    for (const line of [ctx.response.get('Set-Cookie')].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const { body, status } = ctx
    return {
      status,
      location: ctx.response.get('Location') || undefined,
      text: typeof body === 'string' ? body : JSON.stringify(body ?? ''),
    }
  }
}

const answering =
  (interactions: Interactions, login: RehearsalNeeds['login']): Middleware =>
  async (ctx, next) => {
    const uid = /^\/interaction\/([\w-]+)$/.exec(ctx.path)?.[1]
    if (uid === undefined) return next()
    const found = await interactions.read(ctx, uid)
    if (found.state !== 'live') throw new Error(`the interaction of the preview is ${found.state}, not live`)
    const { interaction } = found
    ctx.redirect(
      interaction.prompt === 'login'
        ? await interactions.finishLogin(ctx, interaction, { ...login, remember: false })
        : await interactions.finishConsent(ctx, interaction),
    )
  }

function requestOf(
  { base, host, isSecure }: Place,
  path: string,
  { form, bearer }: Visit,
  cookies: ReadonlyMap<string, string>,
): IncomingMessage {
  const request = new IncomingMessage(Object.assign(new Socket(), { encrypted: isSecure }))
  const body = Buffer.from(form ? new URLSearchParams({ ...form }).toString() : '')
  request.method = form ? 'POST' : 'GET'
  request.originalUrl = `${base}${path}`
  request.url = path
  request.headers = {
    host,
    accept: 'application/json',
    cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    ...(form ? { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) } : {}),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  }
  request.push(body)
  request.push(null)
  return request
}

/** The refusal of the engine as a `Failure`, with the engine's own text. */
export function refusal({ status, text }: RehearsedAnswer): Failure {
  return new Failure('preview_refused', 'invalid', `The engine refused this preview: ${status} ${text.slice(0, 500)}`)
}
