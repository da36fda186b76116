/** One request over its own connection, to an address that has been checked. */
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as overHttp } from 'node:http'
import { Agent as HttpsAgent, request as overHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { Failure } from '../errors/failure.ts'
import { type Address, hostOf } from './address-reach.ts'

export interface OutboundRequest {
  method?: 'GET' | 'POST'
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
  /** For the whole request, from the look-up of the name to the last byte; 5 000 when absent. */
  timeoutMs?: number
  /** The largest size of the response body in bytes; 256 KiB when absent. */
  maxBytes?: number
  signal?: AbortSignal | undefined
}

export interface OutboundAnswer {
  /** Any status, also a redirect: redirects are not followed. */
  status: number
  headers: Headers
  body: Uint8Array
}

/** @param ended rejects with the reason when the exchange must end */
export async function exchange(
  url: URL,
  addresses: readonly Address[],
  request: OutboundRequest,
  ended: Promise<never>,
): Promise<OutboundAnswer> {
  const sent = send(url, addresses, request)
  try {
    return await Promise.race([answerOf(url, sent, request), ended])
  } finally {
    // Close the connection; the rest of the response is not needed.
    sent.destroy()
  }
}

// Separate agents: the global ones may use a proxy from the environment, which would resolve the name again.
const httpAgent = new HttpAgent({ keepAlive: false })
const httpsAgent = new HttpsAgent({ keepAlive: false })

function send(url: URL, addresses: readonly Address[], request: OutboundRequest): ClientRequest {
  const options = {
    method: request.method ?? 'GET',
    headers: {
      accept: '*/*',
      ...request.headers,
      // Ask for an uncompressed body: a compressed one could expand a thousandfold, and only unpacking shows its size.
      'accept-encoding': 'identity',
      'user-agent': 'claviger',
      ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) }),
    },
    lookup: lookupIn(addresses),
    maxHeaderSize: 16_384,
  }
  const sent =
    url.protocol === 'https:'
      ? overHttps(url, { ...options, agent: httpsAgent, rejectUnauthorized: true })
      : overHttp(url, { ...options, agent: httpAgent })
  return sent.end(request.body)
}

/** Returns the checked addresses for every host, so that the name is not looked up again. */
const lookupIn =
  (addresses: readonly Address[]): LookupFunction =>
  (_host, options, found) => {
    const [first] = addresses
    if (options.all) found(null, [...addresses])
    else found(null, first?.address ?? '', first?.family)
  }

async function answerOf(
  url: URL,
  sent: ClientRequest,
  { maxBytes = 262_144 }: OutboundRequest,
): Promise<OutboundAnswer> {
  const host = hostOf(url)
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve)
      sent.on('error', reject)
      // Also closes after a "101 Switching Protocols" that the request did not ask for.
      sent.once('close', () => reject(new Error('the connection ended without a response')))
    })
    const headers = headersOf(response)
    if ((headers.get('content-encoding') ?? 'identity') !== 'identity')
      throw new Failure(
        'outbound_encoded',
        'invalid',
        `${host} sent a compressed response, although the request asked for an uncompressed one.`,
      )
    return { status: response.statusCode ?? 0, headers, body: await bodyOf(response, host, maxBytes) }
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw new Failure(
      'outbound_unreachable',
      'unavailable',
      `${host} cannot be reached (${codeOf(cause)}). Check that it is running and that its certificate is valid.`,
      { cause },
    )
  }
}

async function bodyOf(response: IncomingMessage, host: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes)
      throw new Failure('outbound_too_large', 'invalid', `The response of ${host} is longer than ${maxBytes} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  return headers
}

/** The error code (ECONNREFUSED, CERT_HAS_EXPIRED …), which helps and contains nothing secret. */
function codeOf(cause: unknown): string {
  const { code, errors } = cause as { code?: unknown; errors?: { code?: unknown }[] }
  const word = code ?? errors?.[0]?.code
  return typeof word === 'string' && /^[A-Z\d_]{1,60}$/.test(word) ? word : 'no response'
}
