/** The keys of one node: opened at its start, followed while it serves. */
import { algorithmsOf, type Deployment, keyTimesOf } from '../deployment/deployment.ts'
import { openVault } from '../deployment/vault.ts'
import type { Events } from '../events/create-events.ts'
import { CanaryUses } from '../keyring/canary.ts'
import { CookieKeys } from '../keyring/cookie-keys.ts'
import { DeploymentSecrets } from '../keyring/deployment-secrets.ts'
import { JwksCounter } from '../keyring/jwks-counter.ts'
import { Keyring } from '../keyring/keyring.ts'
import { LiveKeySet } from '../keyring/live-key-set.ts'
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
    onError: trouble('The signing keys could not be read anew'),
  })
  const cookies = await CookieKeys.start({
    secrets,
    changes,
    longestCookieSeconds: Math.max(config.sessionSeconds, config.refreshTokenIdleSeconds),
    audit: { write: events.record },
    onError: trouble('The cookie keys could not be read anew'),
  })
  const counter = new JwksCounter({
    source: live,
    store: sightings,
    audit: { write: events.record },
    onTrouble: trouble('Fetches of the key set are not added up for a moment'),
  })
  const canary = new CanaryUses(uses, trouble('Token requests of the canary are not added up for a moment'))
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

/** Every change of signing or cookie keys exchanges the engine; changes that come meanwhile share the next exchange. */
export function followKeys(
  keys: NodeKeys,
  oidc: Oidc,
  web: { keys?: unknown },
  onTrouble: (error: unknown) => void,
  onFeedKeys: (listener: () => void) => void,
): void {
  let exchanging = Promise.resolve()
  const exchange = () => {
    exchanging = exchanging
      .then(async () => {
        await oidc.useKeys(keys.live.current())
        web.keys = [...keys.cookies.current()]
      })
      .catch(onTrouble)
  }
  keys.live.onChange(exchange)
  keys.cookies.onChange(exchange)
  // Discovery names the keys of the feed.
  onFeedKeys(exchange)
}
