/** Signing keys on Postgres. Triggers enforce the rules of the key life cycle; this store turns their errors into Failures. */
import type { JWK } from 'jose'
import { Failure } from '../../errors/failure.ts'
import { refusedByLaw } from '../../keyring/cycle/key-law.ts'
import { BUSY, type KeyLedger, type KeySnapshot, type KeyStore, type Patience } from '../../keyring/cycle/key-store.ts'
import type { SigningKey } from '../../keyring/live/signing-key.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { revokeKey } from '../revocation/revocation-log.ts'

/** Allows one change of keys or secrets at a time in the deployment. The end of the transaction releases the lock. */
export const keyLock = 'pg_advisory_xact_lock(9400, 1)'
const tryKeyLock = 'pg_try_advisory_xact_lock(9400, 1)'

/** The column of each member of `SigningKey`. */
const columns = {
  kid: 'kid',
  alg: 'alg',
  state: 'state',
  publicJwk: 'public_jwk',
  sealed: 'private_jwe',
  fingerprint: 'kek_fingerprint',
  createdAt: 'created_at',
  publishAt: 'publish_at',
  promotableAt: 'promotable_at',
  promoteAt: 'promote_at',
  canaryAt: 'canary_at',
  activeAt: 'active_at',
  retiredAt: 'retired_at',
  removableAt: 'removable_at',
  removedAt: 'removed_at',
  revokedAt: 'revoked_at',
  reason: 'reason',
} as const satisfies Record<keyof SigningKey, string>

const members = Object.keys(columns) as (keyof SigningKey)[]
const selected = members.map((member) => `${columns[member]} as "${member}"`).join(', ')

export interface KeyStoreOptions {
  /** Runs in the transaction that revokes a key. By default the same commit revokes everything that the key signed. */
  onRevoked?: (db: Queryable, key: SigningKey, at: Date) => Promise<void>
}

export class PostgresKeyStore implements KeyStore {
  readonly #db: Database
  readonly #options: KeyStoreOptions

  constructor(db: Database, options: KeyStoreOptions = { onRevoked: revokeKey }) {
    this.#db = db
    this.#options = options
  }

  read(): Promise<KeySnapshot> {
    return readKeys(this.#db)
  }

  async change<T>(patience: Patience, work: (ledger: KeyLedger) => Promise<T>): Promise<T | typeof BUSY> {
    return named(() =>
      this.#db.transaction(async (db) => {
        if (!(await lock(db, patience))) return BUSY
        // A separate statement after the lock: its snapshot includes the previous holder's changes.
        const ledger = new PostgresKeyLedger(db, await readKeys(db), this.#options)
        return work(ledger)
      }),
    )
  }
}

class PostgresKeyLedger implements KeyLedger {
  readonly #db: Queryable
  readonly #options: KeyStoreOptions
  readonly now: Date
  keys: readonly SigningKey[]
  canary: string | undefined

  constructor(db: Queryable, { keys, now, canary }: KeySnapshot, options: KeyStoreOptions) {
    this.#db = db
    this.keys = keys
    this.now = now
    this.canary = canary
    this.#options = options
  }

  async insert(key: SigningKey): Promise<void> {
    const places = members.map((_, index) => `$${index + 1}`).join(', ')
    const names = members.map((member) => columns[member]).join(', ')
    await this.#db.query(
      `insert into signing_keys (${names}) values (${places})`,
      members.map((member) => toSql(key[member])),
    )
    this.keys = [...this.keys, key]
  }

  async update(kid: string, changes: Partial<Omit<SigningKey, 'kid'>>): Promise<void> {
    const changed = Object.keys(changes) as (keyof typeof changes)[]
    const sets = changed.map((member, index) => `${columns[member]} = $${index + 2}`).join(', ')
    const values = changed.map((member) => toSql(changes[member]))
    const { rowCount } = await this.#db.query(`update signing_keys set ${sets} where kid = $1`, [kid, ...values])
    if (rowCount !== 1) throw new Failure('key_unknown', 'missing', `There is no key ${kid}.`)
    this.keys = this.keys.map((key) => (key.kid === kid ? { ...key, ...changes } : key))
    const key = this.keys.find((one) => one.kid === kid)
    if (changes.state === 'revoked' && key) await this.#options.onRevoked?.(this.#db, key, this.now)
  }

  async nameCanary(clientId: string | undefined): Promise<void> {
    if (clientId === undefined) await this.#db.query('delete from signing_key_canary')
    else {
      await this.#db.query(
        `insert into signing_key_canary (client_id) values ($1)
         on conflict (one) do update set client_id = excluded.client_id, named_at = clock_timestamp()`,
        [clientId],
      )
    }
    this.canary = clientId
  }
}

/** One statement reads keys and clock together. Milliseconds are truncated, so that no step runs too early. */
async function readKeys(db: Queryable): Promise<KeySnapshot> {
  const { rows } = await db.query<Row>({
    name: 'read-signing-keys',
    text: `select date_trunc('milliseconds', clock_timestamp()) as now, c.client_id as canary, ${selected}
             from (values (true)) as one left join signing_key_canary c on true left join signing_keys on true
            order by created_at, kid`,
  })
  const [first] = rows
  const keys = rows.flatMap((row) => (row.kid === null ? [] : [keyOf(row)]))
  return { keys, now: first?.now ?? new Date(NaN), canary: first?.canary ?? undefined }
}

type Row = { now: Date; canary: string | null } & (SigningKey | { kid: null })

const keyOf = ({ now: _, canary: __, ...key }: Row): SigningKey => key as SigningKey

async function lock(db: Queryable, patience: Patience): Promise<boolean> {
  if (patience === 'wait') {
    await db.query(`set local lock_timeout = '15s'`)
    await db.query(`select ${keyLock}`)
    return true
  }
  const { rows } = await db.query<{ got: boolean }>(`select ${tryKeyLock} as got`)
  return rows[0]?.got === true
}

const toSql = (value: SigningKey[keyof SigningKey] | undefined): unknown =>
  isJwk(value) ? JSON.stringify(value) : value

const isJwk = (value: unknown): value is JWK => typeof value === 'object' && value !== null && !(value instanceof Date)

const LAW = /^KEY\d\d$/
const CHECK_VIOLATION = '23514'
const UNIQUE_VIOLATION = '23505'
const LOCK_NOT_AVAILABLE = '55P03'

/** Turns a database error into the matching Failure. */
async function named<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if ((cause as { code?: string }).code === LOCK_NOT_AVAILABLE) {
      throw new Failure(
        'key_change_running',
        'unavailable',
        'Another change of the keys is running, and has been for 15 seconds. Try again in a minute.',
        {
          cause,
          retryAfterSeconds: 60,
        },
      )
    }
    const law = lawOf(cause)
    throw law === undefined ? cause : refusedByLaw(law, cause)
  }
}

/** The schema's key rule that a `pg` error reports, if any. */
export function lawOf(error: unknown): string | undefined {
  if (error instanceof Failure) return undefined
  const { code, constraint } = error as { code?: string; constraint?: string }
  if (code !== undefined && LAW.test(code)) return code
  return code === CHECK_VIOLATION || code === UNIQUE_VIOLATION ? constraint : undefined
}
