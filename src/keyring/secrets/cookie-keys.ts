/** The keys that sign cookies. One key signs and all verify. A new key is loaded by every node before it signs. */
import type { AuditLog } from '../../events/events.ts'
import type { DeploymentSecrets, OpenSecret } from './deployment-secrets.ts'

const NAME = 'cookie'
/** Within this time every node loads a new key: the notification takes about a second, and nodes also poll. */
const LEAD_SECONDS = 60
/** How long a cookie key signs. Sessions outlive the key, since older keys still verify. */
const INTERVAL_SECONDS = 90 * 86_400

export interface CookieKeysNeeds {
  secrets: Pick<DeploymentSecrets, 'all' | 'renew' | 'forget'>
  changes: { on(topic: 'secrets', listener: () => Promise<void>): void }
  /** The longest lifetime of a cookie. An older key verifies for that long. */
  longestCookieSeconds: number
  audit: Pick<AuditLog, 'write'>
  onError(reason: unknown): void
  leadSeconds?: number
}

/**
 * Adds a key, which running nodes load. The command line calls it too, without following changes.
 * @returns false when another process added the key at the same time
 */
export async function renewCookieKey(
  { secrets, audit }: { secrets: Pick<DeploymentSecrets, 'renew'>; audit: Pick<AuditLog, 'write'> },
  actor: string,
): Promise<boolean> {
  const isNew = await secrets.renew(NAME)
  if (isNew) audit.write({ kind: 'cookie-key.created', actor })
  return isNew
}

/** After this time every node signs with a new key. */
export const cookieKeyLeadSeconds = LEAD_SECONDS

export class CookieKeys {
  readonly #needs: CookieKeysNeeds
  readonly #listeners = new Set<(keys: readonly string[]) => void>()
  #keys: readonly string[] = []
  #stopped = false
  #timer: NodeJS.Timeout | undefined

  private constructor(needs: CookieKeysNeeds) {
    this.#needs = needs
  }

  /** Reads the keys, creates the first one if there is none, and follows the changes until `stop`. */
  static async start(needs: CookieKeysNeeds): Promise<CookieKeys> {
    const cookieKeys = new CookieKeys(needs)
    await cookieKeys.#load()
    needs.changes.on('secrets', () => cookieKeys.reload())
    return cookieKeys
  }

  /** The first key signs and all verify, as the engine's `cookies.keys` expects. */
  current(): readonly string[] {
    return this.#keys
  }

  onChange(listener: (keys: readonly string[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The new key verifies at once and signs after the lead, when every node has loaded it. No session ends. */
  async rotate(): Promise<void> {
    await renewCookieKey(this.#needs, 'schedule')
    await this.#load()
  }

  /** Rotates when the interval has passed, and deletes keys whose cookies have all expired. */
  async runDueStep(): Promise<void> {
    const { secrets, now } = await this.#needs.secrets.all(NAME)
    const ageSeconds = (secret: OpenSecret | undefined) =>
      secret ? (Number(now) - Number(secret.createdAt)) / 1000 : 0
    const keepSeconds = this.#needs.longestCookieSeconds + this.#leadSeconds
    // A key signs until the lead of the next key has passed. Its cookies then live for at most the longest lifetime.
    const outlived = secrets.filter(
      (_, index) => index > 0 && ageSeconds(secrets[index - 1]) > keepSeconds + LEAD_SECONDS,
    )
    for (const { generation } of outlived) await this.#needs.secrets.forget(NAME, generation)
    if (ageSeconds(secrets[0]) > INTERVAL_SECONDS) await this.rotate()
  }

  async reload(): Promise<void> {
    if (this.#stopped) return
    try {
      await this.#load()
    } catch (reason) {
      this.#needs.onError(reason)
    }
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  get #leadSeconds(): number {
    return this.#needs.leadSeconds ?? LEAD_SECONDS
  }

  async #load(): Promise<void> {
    const { secrets, now } = await this.#needs.secrets.all(NAME)
    const waitsSeconds = ({ generation, createdAt }: OpenSecret) =>
      generation === 1 ? 0 : this.#leadSeconds - (Number(now) - Number(createdAt)) / 1000
    const ready = secrets.filter((secret) => waitsSeconds(secret) <= 0)
    const waiting = secrets.filter((secret) => waitsSeconds(secret) > 0)
    this.#wakeIn(Math.min(...waiting.map(waitsSeconds)))
    const keys = [...ready, ...waiting].map(({ secret }) => Buffer.from(secret).toString('base64url'))
    if (keys.join() === this.#keys.join()) return
    this.#keys = keys
    for (const listener of this.#listeners) listener(keys)
  }

  /** Reloads when the next new key may sign. */
  #wakeIn(seconds: number): void {
    clearTimeout(this.#timer)
    if (Number.isFinite(seconds))
      this.#timer = setTimeout(() => void this.reload(), Math.ceil(seconds * 1000) + 10).unref()
  }
}
