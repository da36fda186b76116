/** The deployment's encrypted secrets on Postgres, and their re-encryption under a new key-encryption key. */

import { refusedByLaw } from '../../keyring/cycle/key-law.ts'
import { bindingOf } from '../../keyring/secrets/deployment-secrets.ts'
import type { SealedRow, SealedStore, SecretStore, StoredSecret } from '../../keyring/secrets/secret-store.ts'
import type { Sealed } from '../../keyring/vaults/envelope.ts'
import type { Database } from '../connection/database.ts'
import { keyLock, lawOf } from './key-store.ts'

interface SecretRow {
  generation: number
  jwe: string
  fingerprint: string
  created_at: Date
}

export class PostgresSecretStore implements SecretStore, SealedStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async list(name: string): Promise<{ secrets: StoredSecret[]; now: Date }> {
    const { rows } = await this.#db.query<SecretRow>(
      'select generation, jwe, kek_fingerprint as fingerprint, created_at from secrets where name = $1 order by generation desc',
      [name],
    )
    const clock = await this.#db.query<{ now: Date }>('select clock_timestamp() as now')
    const secrets = rows.map(({ generation, jwe, fingerprint, created_at: createdAt }) => ({
      name,
      generation,
      sealed: { jwe, fingerprint },
      createdAt,
    }))
    return { secrets, now: clock.rows[0]?.now ?? new Date() }
  }

  async add(name: string, generation: number, sealed: Sealed): Promise<boolean> {
    try {
      const { rowCount } = await this.#db.query(
        `insert into secrets (name, generation, jwe, kek_fingerprint) values ($1, $2, $3, $4)
         on conflict (name, generation) do nothing`,
        [name, generation, sealed.jwe, sealed.fingerprint],
      )
      return rowCount === 1
    } catch (cause) {
      const law = lawOf(cause)
      throw law === undefined ? cause : refusedByLaw(law, cause)
    }
  }

  async forget(name: string, generation: number): Promise<void> {
    // The newest generation is always in use, so it is never deleted.
    await this.#db.query(
      `delete from secrets where name = $1 and generation = $2
          and generation < (select max(generation) from secrets where name = $1)`,
      [name, generation],
    )
  }

  resealAll(reseal: (row: SealedRow) => Promise<Sealed>): Promise<number> {
    return this.#db.transaction(async (db) => {
      await db.query(`set local lock_timeout = '15s'`)
      await db.query(`select ${keyLock}`)
      // The lock keeps other nodes from adding a secret; readers do not wait.
      await db.query('lock table secrets in share row exclusive mode')
      const keys = await db.query<{ kid: string; jwe: string; fingerprint: string }>(
        'select kid, private_jwe as jwe, kek_fingerprint as fingerprint from signing_keys where private_jwe is not null for update',
      )
      for (const { kid, jwe, fingerprint } of keys.rows) {
        const sealed = await reseal({ kid, purpose: 'signing-key', sealed: { jwe, fingerprint } })
        await db.query('update signing_keys set private_jwe = $2, kek_fingerprint = $3 where kid = $1', [
          kid,
          sealed.jwe,
          sealed.fingerprint,
        ])
      }
      const secrets = await db.query<SecretRow & { name: string }>(
        'select name, generation, jwe, kek_fingerprint as fingerprint from secrets',
      )
      for (const { name, generation, jwe, fingerprint } of secrets.rows) {
        const sealed = await reseal({ ...bindingOf(name, generation), sealed: { jwe, fingerprint } })
        await db.query('update secrets set jwe = $3, kek_fingerprint = $4 where name = $1 and generation = $2', [
          name,
          generation,
          sealed.jwe,
          sealed.fingerprint,
        ])
      }
      return keys.rows.length + secrets.rows.length
    })
  }

  async countByFingerprint(): Promise<{ fingerprint: string; rows: number }[]> {
    const { rows } = await this.#db.query<{ fingerprint: string; rows: number }>(
      `select fingerprint, count(*)::int as rows
         from (select kek_fingerprint as fingerprint from signing_keys where private_jwe is not null
               union all select kek_fingerprint from secrets) as sealed
        group by fingerprint order by fingerprint`,
    )
    return rows
  }
}
