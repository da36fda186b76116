/** Documents that are the same for every client, kept in memory as bytes with their headers. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface PreparedDocument {
  readonly body: Buffer
  /** A strong entity tag. */
  readonly etag: string
  readonly contentType: string
  /** Called for each answer. */
  cacheControl(): string
}

export interface DocumentOptions {
  contentType?: string
  /** The caching time in seconds, the whole header value, or a function that returns this value for each answer. */
  maxAge: number | string | (() => string)
}

export function prepareDocument(content: object | string | Buffer, options: DocumentOptions): PreparedDocument {
  const body = Buffer.isBuffer(content)
    ? content
    : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
  const { maxAge, contentType = 'application/json; charset=utf-8' } = options
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
  return { body, etag, contentType, cacheControl: cacheControlOf(maxAge) }
}

function cacheControlOf(maxAge: DocumentOptions['maxAge']): () => string {
  if (typeof maxAge === 'string') return () => maxAge
  if (typeof maxAge === 'number') return () => `public, max-age=${maxAge}`
  return maxAge
}

/** Answers GET, HEAD, conditional and preflight requests, and all others with 405. @returns the status */
export function answerPrepared(request: IncomingMessage, response: ServerResponse, document: PreparedDocument): number {
  const { method } = request
  if (method !== 'GET' && method !== 'HEAD') return answerOther(method, response)
  const { etag, body, contentType } = document
  const isKnown = request.headers['if-none-match'] !== undefined && matches(request.headers['if-none-match'], etag)
  const shared = [
    'Cache-Control',
    document.cacheControl(),
    'ETag',
    etag,
    'Access-Control-Allow-Origin',
    '*',
    'X-Content-Type-Options',
    'nosniff',
    'Cross-Origin-Resource-Policy',
    'cross-origin',
  ]
  if (isKnown) {
    response.writeHead(304, shared).end()
    return 304
  }
  shared.push('Content-Type', contentType, 'Content-Length', String(body.length))
  response.writeHead(200, shared)
  if (method === 'HEAD') response.end()
  else response.end(body)
  return 200
}

function answerOther(method: string | undefined, response: ServerResponse): number {
  const status = method === 'OPTIONS' ? 204 : 405
  const allow = [
    'Allow',
    'GET, HEAD, OPTIONS',
    'Access-Control-Allow-Origin',
    '*',
    'Access-Control-Allow-Methods',
    'GET, HEAD',
  ]
  response.writeHead(status, [...allow, 'Access-Control-Allow-Headers', '*', 'Access-Control-Max-Age', '3600']).end()
  return status
}

/** Weak comparison, which RFC 9110 §13.1.2 requires for If-None-Match. */
function matches(header: string, etag: string): boolean {
  return header === etag || header === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
}
