/** `secrets rotate`: finds the new key-encryption key, re-encrypts the rows, and then writes the key file. */
import { randomBytes } from 'node:crypto'
import type { DeskSecrets, RotatedSecrets } from '../cli/desk.ts'
import { readKeyEncryptionKeys, writeKeyEncryptionKeys } from '../config/key-encryption-key.ts'
import type { Deployment } from '../deployment/deployment.ts'
import { openVault } from '../deployment/vault.ts'
import { Failure } from '../errors/failure.ts'
import type { Events } from '../events/create-events.ts'
import { cookieKeyLeadSeconds, renewCookieKey } from '../keyring/secrets/cookie-keys.ts'
import { DeploymentSecrets } from '../keyring/secrets/deployment-secrets.ts'
import { rewrap } from '../keyring/secrets/rewrap.ts'
import { fingerprintOf } from '../keyring/vaults/envelope.ts'
import { rotateFeedKeys } from '../revocation/feed-keys.ts'
import { PostgresSecretStore } from '../storage/keys/secret-store.ts'

export function openDeskSecrets({ config, db }: Deployment, events: Pick<Events, 'record'>): DeskSecrets {
  const store = new PostgresSecretStore(db)
  const rotated = (actor: string, fingerprint: string, rows: number) =>
    events.record({ kind: 'secrets.rotated', actor, detail: { fingerprint, rows } })

  async function withSecrets<T>(work: (secrets: DeploymentSecrets) => Promise<T>): Promise<T> {
    const { envelope, close } = await openVault(config)
    try {
      return await work(new DeploymentSecrets({ store, envelope }))
    } finally {
      close()
    }
  }

  async function underConfigured(
    [newest, ...older]: readonly Uint8Array[],
    { dryRun, actor }: { dryRun: boolean; actor: string },
  ): Promise<RotatedSecrets> {
    const newKey = newest as Uint8Array
    const state = await stored(store)
    if (dryRun) return { rows: state.rows, fingerprint: fingerprintOf(newKey), previous: state.fingerprints }
    const { rows, fingerprint } = await rewrap(store, older, newKey)
    rotated(actor, fingerprint, rows)
    return { rows, fingerprint, previous: state.fingerprints }
  }

  /** The file holds both keys while the rows change, so that the deployment starts after a crash at any point. */
  async function underNew(old: Uint8Array, { dryRun, actor }: { dryRun: boolean; actor: string }) {
    const file = config.keyEncryptionKeyFile
    const state = await stored(store)
    if (dryRun) return { rows: state.rows, fingerprint: undefined, previous: state.fingerprints }
    const kept = `${file}.${fingerprintOf(old)}`
    const made = randomBytes(32)
    await writeKeyEncryptionKeys(kept, [old])
    await writeKeyEncryptionKeys(file, [made, old])
    const { rows, fingerprint } = await rewrap(store, [old], made)
    await writeKeyEncryptionKeys(file, [made])
    rotated(actor, fingerprint, rows)
    return { rows, fingerprint, previous: state.fingerprints, file, kept }
  }

  return {
    async rotate(change) {
      const keys = await readKeyEncryptionKeys(config)
      const [only] = keys
      if (keys.length > 1 || !only) return underConfigured(keys, change)
      const wrong = (await stored(store)).fingerprints.find((fingerprint) => fingerprint !== fingerprintOf(only))
      if (wrong) throw wrongKey(fingerprintOf(only), wrong)
      if (config.keyEncryptionKey !== undefined) throw needsBoth()
      return underNew(only, change)
    },
    async rotateCookieKey({ dryRun, actor }) {
      if (!dryRun) {
        await withSecrets((secrets) => renewCookieKey({ secrets, audit: { write: events.record } }, actor))
      }
      return { signsInSeconds: cookieKeyLeadSeconds }
    },
    async rotateFeedKey({ dryRun, actor, now }) {
      const rotation = { leadMs: config.keyPublishLeadSeconds * 1000, now, dryRun }
      const { current, next } = await withSecrets((secrets) => rotateFeedKeys(secrets, rotation))
      if (!dryRun) events.record({ kind: 'feed-key.rotated', actor, detail: { kid: current.kid, next: next?.kid } })
      return { current: current.kid, next: next?.kid }
    },
  }
}

async function stored(store: PostgresSecretStore): Promise<{ rows: number; fingerprints: string[] }> {
  const counts = await store.countByFingerprint()
  return {
    rows: counts.reduce((sum, { rows }) => sum + rows, 0),
    fingerprints: counts.map(({ fingerprint }) => fingerprint),
  }
}

const wrongKey = (given: string, expected: string): Failure =>
  new Failure(
    'key_encryption_key_wrong',
    'conflict',
    `CLAVIGER_KEY_ENCRYPTION_KEY has the fingerprint ${given}, but the database is wrapped under ${expected}. Nothing was changed. Add the key with that fingerprint as the old one, after a comma.`,
    { detail: { given, expected } },
  )

const needsBoth = (): Failure =>
  new Failure(
    'key_encryption_key_alone',
    'invalid',
    'The key-encryption key comes from the environment, which this command cannot change.',
    {
      detail: {
        hints: [
          "make a new key: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='",
          'on every node, set CLAVIGER_KEY_ENCRYPTION_KEY to the new key, a comma and the old key; restart the nodes one by one',
          'run this command again with the same value; then remove the old key from every node',
        ],
      },
    },
  )
