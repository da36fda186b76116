/**
 * Counters, histograms and gauges for Prometheus. Every counter that a request
 * uses is prepared at the start, so that counting costs about 0.1 µs. Labels
 * take values from short lists only, never from requests.
 */
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { eventKinds, isEventKind } from './event-kinds.ts'
import { createFeedMeter, type FeedMeter } from './feed-metrics.ts'
import { type Gauges, registerGauges } from './gauges.ts'

/** Counts and times the answers of one route. */
export interface RouteMeter {
  answered(status: number, seconds: number): void
}

export interface Metrics {
  readonly registry: Registry
  event(kind: string): void
  signIn(result: SignInResult): void
  tokenIssued(grantType: string): void
  tokenRefused(grantType: string, error: string): void
  /** One try to notify an app that a session ended. */
  logoutTried(outcome: LogoutOutcome): void
  readonly feed: FeedMeter
  /** The JWKS was fetched. `isNamed`: the verifier gave its name. `isMissing`: it did not know a published key. */
  jwksFetched(fetch: { isNamed: boolean; isMissing: boolean }): void
  /** The canary app received tokens. */
  canaryAnswered(request: { isEarly: boolean }): void
  /** Call once for each route, at the start: `metrics.route('token')`. */
  route(name: string): RouteMeter
  /** Registers values that are read when Prometheus scrapes. */
  watch(gauges: Gauges): void
}

export const signInResults = [
  'succeeded',
  'wrong-password',
  'unknown',
  'disabled',
  'no-password',
  'unreadable-hash',
  'throttled',
  'other',
] as const
export type SignInResult = (typeof signInResults)[number]

export const logoutOutcomes = ['delivered', 'refused', 'again'] as const
export type LogoutOutcome = (typeof logoutOutcomes)[number]

/** The `grant` label of each grant type. */
const grants = new Map([
  ['authorization_code', 'authorization_code'],
  ['refresh_token', 'refresh_token'],
  ['client_credentials', 'client_credentials'],
  ['urn:ietf:params:oauth:grant-type:device_code', 'device_code'],
  ['urn:ietf:params:oauth:grant-type:token-exchange', 'token_exchange'],
  ['urn:openid:params:grant-type:ciba', 'ciba'],
])

// RFC 6749 §5.2, RFC 8628 §3.5, RFC 8707 §2, RFC 9449 §5 and §8
const oauthErrors = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'authorization_pending',
  'slow_down',
  'expired_token',
  'access_denied',
  'invalid_dpop_proof',
  'use_dpop_nonce',
  'server_error',
  'temporarily_unavailable',
])

const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export interface MetricsOptions {
  /** Memory, event loop, garbage collection of the process; off in tests. */
  processMetrics?: boolean
}

export function createMetrics({ processMetrics = true }: MetricsOptions = {}): Metrics {
  const registry = new Registry()
  if (processMetrics) collectDefaultMetrics({ register: registry })
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name: `claviger_${name}`, help, labelNames: [...labelNames], registers: [registry] })
  const events = counter('events_total', 'Entries of the audit log by kind.', ['kind'])
  const signIns = counter('sign_ins_total', 'Sign-ins by result.', ['result'])
  const tokens = counter('tokens_total', 'Token requests by grant and result (ok or the OAuth error).', [
    'grant',
    'result',
  ])
  const fetches = counter(
    'jwks_fetches_total',
    'Fetches of the key set, by verifiers that give their name and others.',
    ['verifier'],
  )
  const named = fetches.labels('named')
  const anonymous = fetches.labels('anonymous')
  const logouts = counter('backchannel_logout_tries_total', 'Back-channel logout tries, by outcome.', ['outcome'])
  const logoutOf = prepared(logoutOutcomes, (outcome) => logouts.labels(outcome))
  const missed = counter(
    'jwks_misses_total',
    'Fetches of the key set by verifiers that did not know a published key.',
    [],
  )
  const canary = counter(
    'canary_token_requests_total',
    'Token requests of the canary app; early refreshes are counted apart.',
    ['early'],
  )
  for (const one of [named, anonymous, canary.labels('yes'), canary.labels('no')]) one.inc(0)
  const eventOf = prepared([...Object.keys(eventKinds), 'other'], (kind) => events.labels(kind))
  const signInOf = prepared(signInResults, (result) => signIns.labels(result))
  const issuedOf = prepared([...grants.values(), 'other'], (grant) => tokens.labels(grant, 'ok'))
  return {
    registry,
    event: (kind) => eventOf(isEventKind(kind) ? kind : 'other').inc(),
    signIn: (result) => signInOf(result).inc(),
    tokenIssued: (grantType) => issuedOf(grants.get(grantType) ?? 'other').inc(),
    tokenRefused: (grantType, error) =>
      tokens.labels(grants.get(grantType) ?? 'other', oauthErrors.has(error) ? error : 'other').inc(),
    logoutTried: (outcome) => logoutOf(outcome).inc(),
    feed: createFeedMeter(registry),
    jwksFetched({ isNamed, isMissing }) {
      ;(isNamed ? named : anonymous).inc()
      if (isMissing) missed.inc()
    },
    canaryAnswered: ({ isEarly }) => canary.labels(isEarly ? 'yes' : 'no').inc(),
    route: routeMeters(registry),
    watch: (gauges) => registerGauges(registry, gauges),
  }
}

/** Looks up a prepared counter. Each starts at 0, so that no rate is missing. An unknown name gets the last one, `other`. */
function prepared<Child extends { inc(by?: number): void }>(
  names: readonly string[],
  make: (name: string) => Child,
): (name: string) => Child {
  const children = new Map(names.map((name) => [name, make(name)]))
  for (const child of children.values()) child.inc(0)
  const last = children.get(names.at(-1) as string) as Child
  return (name) => children.get(name) ?? last
}

function routeMeters(registry: Registry): (name: string) => RouteMeter {
  const requests = new Counter({
    name: 'claviger_http_requests_total',
    help: 'Requests by route and status.',
    labelNames: ['route', 'status'],
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'claviger_http_request_duration_seconds',
    help: 'Time to answer by route.',
    labelNames: ['route'],
    buckets: durations,
    registers: [registry],
  })
  const meters = new Map<string, RouteMeter>()
  return (name) => {
    let meter = meters.get(name)
    if (!meter) {
      meter = createMeter((status) => requests.labels(name, String(status)), seconds.labels(name))
      meters.set(name, meter)
    }
    return meter
  }
}

function createMeter(
  counterFor: (status: number) => Counter.Internal,
  duration: Histogram.Internal<string>,
): RouteMeter {
  const byStatus: (Counter.Internal | undefined)[] = []
  return {
    answered(status, seconds) {
      const known = status >= 100 && status < 600 ? Math.trunc(status) : 599
      const counter = byStatus[known] ?? counterFor(known)
      byStatus[known] = counter
      counter.inc()
      duration.observe(seconds)
    },
  }
}
