/**
 * Serves the example single-page app: plain modules, no build step. It holds no secret and no session; all it adds is
 * the app's configuration and a content policy that lets the page run its own scripts and talk to
 * the provider and the services it is told of, no more.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { listen, type RunningService } from '../running-service.ts'

export interface SpaOptions {
  port: number
  /** 127.0.0.1 unless told otherwise. */
  host?: string
  issuer: string
  clientId: string
  /** Where the example API answers. */
  apiUrl: string
  /** As the client is registered: the refresh token in the answer, for the page to keep, or in an HttpOnly cookie. */
  refreshDelivery?: 'body' | 'cookie'
  /** What the page can show of revocation and key rotation; left out, it does not offer them. */
  stage?: Stage
}

export interface Stage {
  /** Services that take the page's access token. Those that follow the revocation feed refuse it once it is revoked. */
  services: readonly { name: string; url: string; follows: boolean }[]
  /** Makes the standby key sign. Only this page may ask for it. */
  rotateKeys(): Promise<void>
}

interface Asset {
  type: string
  body: string
}

const scope = 'openid profile email orders:read'
const html = 'text/html; charset=utf-8'
const css = 'text/css; charset=utf-8'
const script = 'text/javascript; charset=utf-8'

const mine = (name: string) => join(import.meta.dirname, 'public', name)
const library = (name: string) => fileURLToPath(import.meta.resolve(name))

export async function startSpa(options: SpaOptions): Promise<RunningService> {
  const assets = await readAssets(options)
  const policy = contentPolicy(assets.get('/')?.body ?? '', options)
  const { stage } = options
  return listen(
    (request, response) => {
      if (stage && request.url === '/rotate') return void rotate(stage, request, response)
      return answer(assets, policy, request, response)
    },
    options.port,
    options.host,
  )
}

/** The page's own button only: another site's page sends its own `Origin`. */
async function rotate(stage: Stage, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const own = `http://${request.headers.host}`
  if (request.method !== 'POST' || request.headers.origin !== own) return void response.writeHead(403).end()
  try {
    await stage.rotateKeys()
    response.writeHead(204).end()
  } catch (error) {
    response.writeHead(502, { 'content-type': 'text/plain; charset=utf-8' }).end((error as Error).message)
  }
}

async function readAssets({
  issuer,
  clientId,
  apiUrl,
  refreshDelivery = 'body',
  stage,
}: SpaOptions): Promise<ReadonlyMap<string, Asset>> {
  const files: readonly (readonly [path: string, type: string, file: string])[] = [
    ['/', html, mine('index.html')],
    ['/callback', html, mine('index.html')],
    ['/style.css', css, mine('style.css')],
    ['/app.js', script, mine('app.js')],
    ['/session.js', script, mine('session.js')],
    ['/cookie-renewal.js', script, mine('cookie-renewal.js')],
    ['/page.js', script, mine('page.js')],
    ['/stage.js', script, mine('stage.js')],
    ['/vendor/oidc-client-ts.js', script, library('oidc-client-ts')],
    // oidc-client-ts imports it; resolved from there, so that it is the copy that was made for it.
    ['/vendor/jwt-decode.js', script, library('jwt-decode')],
  ]
  const assets = new Map<string, Asset>()
  for (const [path, type, file] of files) assets.set(path, { type, body: await readFile(file, 'utf8') })
  const config = JSON.stringify({
    issuer,
    client_id: clientId,
    scope,
    api: apiUrl,
    refresh_delivery: refreshDelivery,
    services: stage?.services ?? [],
  })
  return assets.set('/config.json', { type: 'application/json', body: config })
}

/** The import map is the page's only inline script; its digest lets that one run. */
function contentPolicy(page: string, { issuer, apiUrl, stage }: SpaOptions): string {
  const asked = [issuer, apiUrl, ...(stage?.services.map(({ url }) => url) ?? [])].map((url) => new URL(url).origin)
  const importMap = /<script type="importmap">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? ''
  const digest = createHash('sha256').update(importMap).digest('base64')
  return [
    `default-src 'none'`,
    `script-src 'self' 'sha256-${digest}'`,
    `style-src 'self'`,
    `img-src data:`,
    `connect-src 'self' ${asked.join(' ')}`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
    `require-trusted-types-for 'script'`,
  ].join('; ')
}

function answer(
  assets: ReadonlyMap<string, Asset>,
  policy: string,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const { pathname } = new URL(request.url ?? '/', 'http://spa')
  const asset = assets.get(pathname)
  response.setHeader('x-content-type-options', 'nosniff')
  // The address of the callback carries the code: it goes nowhere else.
  response.setHeader('referrer-policy', 'no-referrer')
  response.setHeader('content-security-policy', policy)
  response.setHeader('cache-control', 'no-store')
  if (!asset) return response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found')
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return response.writeHead(405, { allow: 'GET, HEAD' }).end()
  return response.writeHead(200, { 'content-type': asset.type }).end(request.method === 'HEAD' ? undefined : asset.body)
}
