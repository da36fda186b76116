/** Health checks for orchestrators and load balancers. `live` ignores the database; `ready` covers every dependency. */
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface Checks {
  database: boolean
  signingKey: boolean
  /** True when the clocks of this machine and of the database agree. */
  clock: boolean
  /** True when every connection has been verified to reach the writable primary. */
  primary: boolean
  /** True when the connection that listens for changes (LISTEN) is open. */
  notifications: boolean
  /** True when the revocation log was read within the last two seconds. */
  revocations: boolean
}

export interface Health {
  /** True after a stop was requested. */
  isDraining(): boolean
  /** Checks every dependency of a request. Must not throw. */
  check(): Promise<Checks>
}

const checkTimeoutMs = 2_000

/** @param path without the issuer's path. @returns false when the path is not a health check */
export function answerHealth(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  health: Health,
): boolean {
  if (path !== '/health/live' && path !== '/health/ready') return false
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end()
  } else if (path === '/health/live') {
    write(request, response, 200, { status: 'live' })
  } else {
    void readiness(health).then(({ status, body }) => write(request, response, status, body))
  }
  return true
}

async function readiness(health: Health): Promise<{ status: number; body: object }> {
  if (health.isDraining()) return { status: 503, body: { status: 'draining' } }
  const checks = await Promise.race([health.check(), timeout()]).catch(() => allFailed)
  const isReady = Object.values(checks).every(Boolean)
  return { status: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not ready', ...checks } }
}

const allFailed: Checks = {
  database: false,
  signingKey: false,
  clock: false,
  primary: false,
  notifications: false,
  revocations: false,
}
const timeout = () =>
  new Promise<Checks>((resolve) => {
    setTimeout(() => resolve(allFailed), checkTimeoutMs).unref()
  })

function write(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}
