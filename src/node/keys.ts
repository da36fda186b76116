/** The keys of one node: opened at its start, and refreshed while it serves. */
import { algorithmsOf, type Deployment, keyTimesOf } from '../deployment/deployment.ts'
import { openVault } from '../deployment/vault.ts'
import type { Events } from '../events/create-events.ts'
import { Keyring } from '../keyring/keyring.ts'
import { LiveKeySet } from '../keyring/live/live-key-set.ts'
import { CanaryUses } from '../keyring/readiness/canary.ts'
import { JwksCounter } from '../keyring/readiness/jwks-counter.ts'
import { CookieKeys } from '../keyring/secrets/cookie-keys.ts'
import { DeploymentSecrets } from '../keyring/secrets/deployment-secrets.ts'
import type { Oidc } from '../oidc/oidc.ts'
import type { Changes } from '../storage/connection/changes.ts'
import { PostgresCanaryUseStore } from '../storage/keys/canary-use-store.ts'
import { PostgresKeyStore } from '../storage/keys/key-store.ts'
import { PostgresSecretStore } from '../storage/keys/secret-store.ts'
import { PostgresSightingStore } from '../storage/keys/sighting-store.ts'

export type NodeKeys = Awaited<ReturnType<typeof openKeys>>

export async function openKeys(
  { config, db }: Deployment,
  changes: Changes,
  events: Events,
  trouble: (what: string) => (error: unknown) => void,
) {
  const { vault, envelope, close } = await openVault(config)
  const sightings = new PostgresSightingStore(db)
  const uses = new PostgresCanaryUseStore(db)
  const store = new PostgresKeyStore(db)
  const times = keyTimesOf(config)
  const keyring = new Keyring({
    store,
    vault,
    times,
    algorithms: algorithmsOf(config),
    audit: { write: events.record },
    sightings,
    canaryUses: uses,
    holdSeconds: config.keyHoldSeconds,
  })
  await keyring.ensureKeys()
  const secrets = new DeploymentSecrets({ store: new PostgresSecretStore(db), envelope })
  const live = await LiveKeySet.start({
    store,
    vault,
    times,
    changes,
    now: () => new Date(),
    onError: trouble('Signing keys could not be reloaded completely; the node keeps the keys that it has opened'),
  })
  const cookies = await CookieKeys.start({
    secrets,
    changes,
    longestCookieSeconds: Math.max(config.sessionSeconds, config.refreshTokenIdleSeconds),
    audit: { write: events.record },
    onError: trouble('Cookie keys could not be reloaded; the node keeps the keys that it has'),
  })
  const counter = new JwksCounter({
    source: live,
    store: sightings,
    audit: { write: events.record },
    onTrouble: trouble('Counts of key set fetches could not be stored; retrying'),
  })
  const canary = new CanaryUses(
    uses,
    trouble('Counts of canary token requests could not be stored; these counts are lost'),
  )
  return {
    keyring,
    secrets,
    live,
    cookies,
    counter,
    canary,
    async stop() {
      await canary.stop()
      await counter.stop()
      live.stop()
      cookies.stop()
      close()
    },
  }
}

/** Gives the engine its new keys after every change of signing, cookie or feed keys, one change at a time. */
export function followKeys(
  keys: NodeKeys,
  oidc: Oidc,
  web: { keys?: unknown },
  onTrouble: (error: unknown) => void,
  onFeedKeys: (listener: () => void) => void,
): void {
  let updating = Promise.resolve()
  const update = () => {
    updating = updating
      .then(async () => {
        await oidc.useKeys(keys.live.current())
        web.keys = [...keys.cookies.current()]
      })
      .catch(onTrouble)
  }
  keys.live.onChange(update)
  keys.cookies.onChange(update)
  // The discovery document contains the feed keys.
  onFeedKeys(update)
}
