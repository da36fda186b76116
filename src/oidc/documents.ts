/** Builds the discovery document once per key set instead of once per request. Its URLs depend on the issuer alone. */
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
  const foreign = urlsOutside(document, `${issuer}/`)
  if (document?.issuer !== issuer || foreign.length > 0) {
    throw new Error(`the discovery document does not match the issuer ${issuer}: ${foreign.join(', ')}`)
  }
  return { ...document, authorization_response_iss_parameter_supported: true }
}

const urlsOutside = (document: Record<string, unknown>, prefix: string): string[] =>
  Object.entries(document)
    .filter(
      ([name, value]) => value !== undefined && /(_endpoint|_uri)$/.test(name) && !String(value).startsWith(prefix),
    )
    .map(([name]) => name)
