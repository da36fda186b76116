/** The keys that sign cookies: one signs, all verify, and a new one is known to every node before it signs. */
import type { AuditLog } from '../../events/events.ts'
import type { DeploymentSecrets, OpenSecret } from './deployment-secrets.ts'

const NAME = 'cookie'
/** By then every node knows a new key: notified within a second, polling beneath. */
const LEAD_SECONDS = 60
/** A cookie key signs for so long; sessions outlive it, since older keys verify. */
const INTERVAL_SECONDS = 90 * 86_400

export interface CookieKeysNeeds {
  secrets: Pick<DeploymentSecrets, 'all' | 'renew' | 'forget'>
  changes: { on(topic: 'secrets', listener: () => Promise<void>): void }
  /** How long a cookie may live: for so long an older key verifies. */
  longestCookieSeconds: number
  audit: Pick<AuditLog, 'write'>
  onError(reason: unknown): void
  leadSeconds?: number
}

/** Adds a key; running nodes take it over. Also for the command line, which follows nothing. False when another did it at once. */
export async function renewCookieKey(
  { secrets, audit }: { secrets: Pick<DeploymentSecrets, 'renew'>; audit: Pick<AuditLog, 'write'> },
  actor: string,
): Promise<boolean> {
  const isNew = await secrets.renew(NAME)
  if (isNew) audit.write({ kind: 'cookie-key.created', actor })
  return isNew
}

/** By then every node has begun to sign with a new key. */
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

  /** Reads them, makes the first where there is none, and follows the changes until `stop`. */
  static async start(needs: CookieKeysNeeds): Promise<CookieKeys> {
    const cookieKeys = new CookieKeys(needs)
    await cookieKeys.#load()
    needs.changes.on('secrets', () => cookieKeys.reload())
    return cookieKeys
  }

  /** The first signs, all verify; as the engine's `cookies.keys` wants them. */
  current(): readonly string[] {
    return this.#keys
  }

  onChange(listener: (keys: readonly string[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A new key verifies at once and signs when every node knows it; nobody is signed out. */
  async rotate(): Promise<void> {
    await renewCookieKey(this.#needs, 'schedule')
    await this.#load()
  }

  /** Rotates when it is time and forgets what verifies nothing any more. */
  async runDueStep(): Promise<void> {
    const { secrets, now } = await this.#needs.secrets.all(NAME)
    const ageSeconds = (secret: OpenSecret | undefined) =>
      secret ? (Number(now) - Number(secret.createdAt)) / 1000 : 0
    const keepSeconds = this.#needs.longestCookieSeconds + this.#leadSeconds
    // A key signs until its successor has had its lead; what it signed lives as long as a cookie may.
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
    const young = secrets.filter((secret) => waitsSeconds(secret) > 0)
    this.#wakeIn(Math.min(...young.map(waitsSeconds)))
    const keys = [...ready, ...young].map(({ secret }) => Buffer.from(secret).toString('base64url'))
    if (keys.join() === this.#keys.join()) return
    this.#keys = keys
    for (const listener of this.#listeners) listener(keys)
  }

  /** Looks again when the next young key may sign. */
  #wakeIn(seconds: number): void {
    clearTimeout(this.#timer)
    if (Number.isFinite(seconds))
      this.#timer = setTimeout(() => void this.reload(), Math.ceil(seconds * 1000) + 10).unref()
  }
}
