/** The code before Koa: checks the request, serves documents from memory, and removes the issuer's path. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { RouteMeter } from '../../events/metrics.ts'
import type { Pages } from '../pages/pages.ts'
import type { Place } from '../routing/place.ts'
import type { Documents } from './documents.ts'
import { type Refusal, refusalOf } from './gate.ts'
import { answerHealth, type Health } from './health.ts'
import { answerPrepared, type PreparedDocument, prepareDocument } from './prepared-document.ts'

export interface ListenerNeeds {
  pages: Pick<Pages, 'place' | 'assets'>
  documents: Documents
  health: Health
  metrics: { route(name: string): RouteMeter }
  /** Called with the request target after each 200 or 304 answer of the JWKS. Must be cheap. */
  jwksServed?(target: string): void
}

interface Lane {
  document(): PreparedDocument
  meter: RouteMeter
  served?: ((target: string) => void) | undefined
}

export function createListener(web: Koa, needs: ListenerNeeds): RequestListener {
  const { place } = needs.pages
  const lanes = fastLanes(needs)
  const refused = needs.metrics.route('refused')
  const handle = web.callback()
  return (request, response) => {
    const target = request.url ?? ''
    const refusal = refusalOf(request, place)
    if (refusal) {
      refused.answered(refusal.status, 0)
      return refuse(response, refusal)
    }
    const lane = lanes.get(target) ?? lanes.get(pathOf(target))
    if (lane) return drive(request, response, lane, target)
    const inner = withoutBase(target, place)
    if (answerHealth(request, response, pathOf(inner ?? target), needs.health)) return
    if (inner === undefined)
      return refuse(response, {
        status: 404,
        sentence: `This path is outside the issuer. The issuer is ${place.issuer}`,
      })
    request.originalUrl = target
    request.url = inner
    void handle(request, response)
  }
}

declare module 'node:http' {
  interface IncomingMessage {
    originalUrl?: string
  }
}

const pathOf = (target: string): string => {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}

/** Keyed by the full path, including the path of the issuer. */
function fastLanes({ pages, documents, metrics, jwksServed }: ListenerNeeds): ReadonlyMap<string, Lane> {
  const { base } = pages.place
  const discovery: Lane = { document: () => documents.discovery(), meter: metrics.route('discovery') }
  const assets = metrics.route('assets')
  const signals = documents.signals
  const robots = prepareDocument('User-agent: *\nDisallow: /\n', {
    contentType: 'text/plain; charset=utf-8',
    maxAge: 86_400,
  })
  return new Map<string, Lane>([
    [`${base}/jwks`, { document: () => documents.jwks(), meter: metrics.route('jwks'), served: jwksServed }],
    [`${base}/.well-known/openid-configuration`, discovery],
    [`${base}/.well-known/oauth-authorization-server`, discovery],
    // RFC 8414 §3.1 puts the well-known part before the issuer's path.
    [`/.well-known/oauth-authorization-server${base}`, discovery],
    [`/.well-known/openid-configuration${base}`, discovery],
    ...(signals
      ? // SSF 1.0 §7.2 puts the well-known part between the host and the issuer's path.
        [`/.well-known/ssf-configuration${base}`, `${base}/.well-known/ssf-configuration`].map(
          (path) => [path, { document: signals, meter: metrics.route('ssf-configuration') }] as const,
        )
      : []),
    ['/robots.txt', { document: () => robots, meter: assets }],
    ...[...pages.assets.byPath].map(
      ([path, document]) => [`${base}${path}`, { document: () => document, meter: assets }] as const,
    ),
  ])
}

function drive(
  request: IncomingMessage,
  response: ServerResponse,
  { document, meter, served }: Lane,
  target: string,
): void {
  const started = performance.now()
  const status = answerPrepared(request, response, document())
  meter.answered(status, (performance.now() - started) / 1000)
  if (status === 200 || status === 304) served?.(target)
}

function withoutBase(target: string, { base }: Place): string | undefined {
  if (base === '') return target
  const rest = target.slice(base.length)
  if (!target.startsWith(base) || (rest !== '' && rest[0] !== '/' && rest[0] !== '?')) return undefined
  return rest.startsWith('/') ? rest : `/${rest}`
}

function refuse(response: ServerResponse, { status, sentence }: Refusal): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 405 ? { Allow: 'GET, HEAD, POST, OPTIONS' } : {}),
    // A client that sent an invalid request gets no second one on this connection.
    Connection: 'close',
  })
  response.end(`${sentence}\n`)
}
