/** What orchestrators and load balancers ask. Alive says nothing of the database; ready says everything. */
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface Checks {
  database: boolean
  signingKey: boolean
  /** Does this machine's clock agree with the database's? */
  clock: boolean
  /** Have all connections proven that they lead to the writable primary? */
  primary: boolean
  /** Is the connection open that hears of changes (LISTEN)? */
  notifications: boolean
  /** Was the log of revocations read within the last two seconds? */
  revocations: boolean
}

export interface Health {
  /** True from the moment a stop was asked for. */
  isDraining(): boolean
  /** Is everything there that requests need? Must not throw. */
  check(): Promise<Checks>
}

const patienceMilliseconds = 2_000

/** @param path without the issuer's path. @returns false when it is no health page */
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
  const checks = await Promise.race([health.check(), tooLate()]).catch(() => nothing)
  const isReady = Object.values(checks).every(Boolean)
  return { status: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not ready', ...checks } }
}

const nothing: Checks = {
  database: false,
  signingKey: false,
  clock: false,
  primary: false,
  notifications: false,
  revocations: false,
}
const tooLate = () =>
  new Promise<typeof nothing>((resolve) => {
    setTimeout(() => resolve(nothing), patienceMilliseconds).unref()
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
