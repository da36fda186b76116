/** Requests to the issuer: bounded in time and size, never redirected. */
import { readBody } from './bounded-body.ts'
import { pause } from './clock.ts'

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/**
 * How a service authenticates to the issuer: the credentials that
 * `claviger apis add <audience> --with-credentials` printed, or a function that
 * gets an access token with scope `revocation.read`.
 */
export type FeedAuth = { clientId: string; clientSecret: string } | { token: () => string | Promise<string> }

/** A response with an unexpected status. */
export class BadAnswer extends Error {
  override name = 'BadAnswer'
  readonly status: number
  /** From `Retry-After`. */
  readonly retryAfterMs: number | undefined

  constructor(url: string, response: Response) {
    super(`${url} answered ${response.status}`)
    this.status = response.status
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
    this.retryAfterMs = seconds >= 0 ? Math.min(seconds, 60) * 1000 : undefined
  }
}

export async function authorization(auth: FeedAuth): Promise<string> {
  if ('token' in auth) return `Bearer ${await auth.token()}`
  // RFC 6749 §2.3.1: id and secret are form-urlencoded before base64.
  const [id, secret] = [auth.clientId, auth.clientSecret].map((text) =>
    new URLSearchParams([['', text]]).toString().slice(1),
  )
  return `Basic ${btoa(`${id}:${secret}`)}`
}

export interface Call {
  headers?: Record<string, string>
  method?: string
  body?: string
  signal?: AbortSignal
  /** Limit for the start of the response; the body has its own limits. */
  timeoutMs: number
}

/** Resolves at the start of the response; `giveUp` aborts its body too. */
export async function call(
  fetch: Fetch,
  url: string,
  { timeoutMs, signal, ...init }: Call,
): Promise<{ response: Response; giveUp: () => void }> {
  const control = new AbortController()
  const giveUp = () => control.abort()
  signal?.addEventListener('abort', giveUp)
  if (signal?.aborted) giveUp()
  const begun = new AbortController()
  const late = pause(timeoutMs, begun.signal).then(() => {
    if (!begun.signal.aborted) control.abort(new Error(`${url} did not answer within ${timeoutMs} ms`))
  })
  try {
    // A redirect could send the credentials to another server.
    const response = await fetch(url, { ...init, redirect: 'error', signal: control.signal })
    return {
      response,
      giveUp: () => {
        signal?.removeEventListener('abort', giveUp)
        giveUp()
      },
    }
  } catch (error) {
    signal?.removeEventListener('abort', giveUp)
    throw error
  } finally {
    begun.abort()
    await late
  }
}

export interface Fetched {
  response: Response
  bytes: Uint8Array
}

/** Fetches a small document, bounded in time and size. */
export async function fetchDocument(fetch: Fetch, url: string, request: Call, most: number): Promise<Fetched> {
  const all = new AbortController()
  const stop = () => all.abort()
  request.signal?.addEventListener('abort', stop)
  const done = new AbortController()
  const late = pause(request.timeoutMs, done.signal).then(() => done.signal.aborted || all.abort())
  const { response, giveUp } = await call(fetch, url, { ...request, signal: all.signal }).catch((error) => {
    done.abort()
    throw error
  })
  try {
    return { response, bytes: await readBody(response, most) }
  } finally {
    request.signal?.removeEventListener('abort', stop)
    done.abort()
    await late
    giveUp()
  }
}
