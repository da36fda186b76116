/** Sends back-channel logout requests, on one node. */
import type { Deployment } from '../deployment/deployment.ts'
import type { Events } from '../events/create-events.ts'
import type { Metrics } from '../events/metrics.ts'
import type { KeySetSource } from '../keyring/live/key-set.ts'
import { startCourier } from '../logout/courier.ts'
import type { GuardedFetch } from '../outbound/outbound.ts'
import { PostgresLogoutOutbox } from '../storage/signals/logout-outbox.ts'

interface Needs {
  deployment: Deployment
  keys: KeySetSource
  fetch: GuardedFetch
  events: Events
  metrics: Metrics
  trouble(what: string): (error: unknown) => void
}

export function deliverLogouts({ deployment, keys, fetch, events, metrics, trouble }: Needs) {
  const outbox = new PostgresLogoutOutbox(deployment.db)
  metrics.watch({ logoutsWaiting: () => outbox.countWaiting() })
  return startCourier({
    outbox,
    issuer: deployment.config.issuer,
    keys: () => keys.current(),
    fetch,
    events,
    tried: metrics.logoutTried,
    now: () => new Date(),
    onTrouble: trouble('Back-channel logout outbox unavailable; retrying'),
  })
}
