/**
 * The engine fetches from clients' servers (`jwks_uri`, sector identifiers) only through the guarded fetch of
 * `outbound`.
 */
import type { GuardedFetch } from '../../outbound/outbound.ts'

type EngineFetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>

/** Statuses whose `Response` may carry no body. */
const bodiless = new Set([204, 205, 304])

export function engineFetch(ask: GuardedFetch): EngineFetch {
  return async (url, { method, headers, body, signal } = {}) => {
    const answer = await ask(String(url), {
      method: method === 'POST' ? 'POST' : 'GET',
      headers: Object.fromEntries(new Headers(headers)),
      ...(body ? { body: String(body) } : {}),
      signal: signal ?? undefined,
    })
    const { status } = answer
    return new Response(bodiless.has(status) ? null : Buffer.from(answer.body), { status, headers: answer.headers })
  }
}
