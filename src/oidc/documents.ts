/**
 * The discovery document, asked of the engine once per key set instead of once
 * per request. Its URLs follow from the issuer and nothing else.
 */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import compose from 'koa-compose'
import type Provider from 'oidc-provider'

export async function discoveryDocument(provider: Provider, issuer: string): Promise<Record<string, unknown>> {
  const { protocol, host, pathname } = new URL(issuer)
  const base = pathname === '/' ? '' : pathname
  const socket = Object.assign(new Socket(), { encrypted: protocol === 'https:' })
  const request = new IncomingMessage(socket)
  request.method = 'GET'
  request.url = '/.well-known/openid-configuration'
  request.headers = { host }
  const ctx = provider.createContext(request, new ServerResponse(request))
  Object.assign(ctx, { mountPath: base })
  await compose(provider.middleware)(ctx)
  const document = ctx.body as Record<string, unknown>
  const strays = strayUrls(document, `${issuer}/`)
  if (document?.issuer !== issuer || strays.length > 0) {
    throw new Error(`the discovery document strays from the issuer: ${strays.join(', ')}`)
  }
  return { ...document, authorization_response_iss_parameter_supported: true }
}

const strayUrls = (document: Record<string, unknown>, prefix: string): string[] =>
  Object.entries(document)
    .filter(
      ([name, value]) => value !== undefined && /(_endpoint|_uri)$/.test(name) && !String(value).startsWith(prefix),
    )
    .map(([name]) => name)
