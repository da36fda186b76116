/** The keyring of commands. It opens at the first use, because most commands need neither it nor its key-encryption key. */
import type { DeskKeyring } from '../cli/desk.ts'
import { algorithmsOf, type Deployment, keyTimesOf } from '../deployment/deployment.ts'
import { openVault } from '../deployment/vault.ts'
import type { Events } from '../events/create-events.ts'
import type { BlastRadius } from '../keyring/cycle/blast-radius.ts'
import { doubtsAboutKeyTimes } from '../keyring/cycle/key-times.ts'
import { Keyring } from '../keyring/keyring.ts'
import { idTokenSeconds } from '../oidc/tokens/lifetimes.ts'
import { PostgresReachStore } from '../storage/apps/reach-store.ts'
import { PostgresCanaryUseStore } from '../storage/keys/canary-use-store.ts'
import { PostgresKeyStore } from '../storage/keys/key-store.ts'
import { PostgresSightingStore } from '../storage/keys/sighting-store.ts'

export function openDeskKeyring(deployment: Deployment, events: Pick<Events, 'record'>): DeskKeyring {
  const { config, db } = deployment
  const reach = new PostgresReachStore(db)
  let opening: Promise<Keyring> | undefined
  const opened = () => {
    opening ??= openKeyring(deployment, events)
    return opening
  }
  return {
    list: async (...given) => (await opened()).list(...given),
    nextRotationAt: async (...given) => (await opened()).nextRotationAt(...given),
    fingerprints: async () => (await opened()).fingerprints(),
    schedule: async () => (await opened()).schedule(),
    proof: async () => (await opened()).proof(),
    readiness: async () => (await opened()).readiness(),
    publicJwks: async () => (await opened()).publicJwks(),
    rotate: async (...given) => (await opened()).rotate(...given),
    revoke: async (...given) => (await opened()).revoke(...given),
    revokeAll: async (...given) => (await opened()).revokeAll(...given),
    remove: async (...given) => (await opened()).remove(...given),
    import: async (...given) => (await opened()).import(...given),
    nameCanary: async (...given) => (await opened()).nameCanary(...given),
    canary: async () => (await opened()).canary(),
    switchOff: async (...given) => (await opened()).switchOff(...given),
    doubts: () => doubtsAboutKeyTimes(keyTimesOf(config)),
    async blastRadius(kid): Promise<BlastRadius> {
      const keyring = await opened()
      const key = (await keyring.list({ all: true })).find((one) => one.kid === kid)
      const alg = key?.alg ?? ''
      const since = key?.activeAt ?? key?.canaryAt
      const signing = { since, until: key?.retiredAt, tokenSeconds: config.accessTokenSeconds }
      const found = await reach.reachOf(alg, signing)
      const longest = Math.max(idTokenSeconds, config.accessTokenSeconds, found.longestApiTokenSeconds ?? 0)
      const lastSignature = since && (key?.retiredAt ?? new Date())
      return { ...found, kid, alg, signedUntil: lastSignature && new Date(lastSignature.getTime() + longest * 1000) }
    },
    endClients: (clientIds) => reach.endClients(clientIds),
  }
}

async function openKeyring({ config, db }: Deployment, events: Pick<Events, 'record'>): Promise<Keyring> {
  // An open signer socket does not keep a command from ending, so it is not closed here.
  const { vault } = await openVault(config)
  return new Keyring({
    store: new PostgresKeyStore(db),
    vault,
    times: keyTimesOf(config),
    algorithms: algorithmsOf(config),
    audit: { write: events.record },
    sightings: new PostgresSightingStore(db),
    canaryUses: new PostgresCanaryUseStore(db),
    holdSeconds: config.keyHoldSeconds,
  })
}
