/** Remembered consents in Postgres. */
import type { AccountId } from '../../accounts/account.ts'
import type { ClientId } from '../../clients/client.ts'
import type { Access } from '../../consent/consent.ts'
import type { ConsentStore, RememberedConsent } from '../../consent/consent-store.ts'
import type { ConsentChange } from '../../oidc/state/model-store.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { endGrantsOf } from './ending.ts'

interface ConsentRow {
  client_id: ClientId
  scopes: string[]
  claims: string[]
  apis: Record<string, string[]>
  allowed_at: Date
}

const columns = 'client_id, scopes, claims, apis, allowed_at'

export class PostgresConsentStore implements ConsentStore {
  readonly #db: Database
  /** Called after a withdrawal has added to the log of revocations. */
  readonly #revoked: () => void

  constructor(db: Database, revoked: () => void = () => {}) {
    this.#db = db
    this.#revoked = revoked
  }

  async find(accountId: AccountId, clientId: ClientId): Promise<RememberedConsent | undefined> {
    const { rows } = await this.#db.query<ConsentRow>(
      `select ${columns} from consents where account_id = $1 and client_id = $2`,
      [accountId, clientId],
    )
    return rows[0] && consentOf(rows[0])
  }

  async list(accountId: AccountId): Promise<RememberedConsent[]> {
    const { rows } = await this.#db.query<ConsentRow>(
      `select ${columns} from consents where account_id = $1 order by updated_at desc, client_id`,
      [accountId],
    )
    return rows.map(consentOf)
  }

  async withdraw(accountId: AccountId, clientId: ClientId): Promise<boolean> {
    const isWithdrawn = await this.#db.transaction(async (db) => {
      // This comes first: it waits for sign-ins that rely on the row, so that their new grants are found below.
      const { rowCount } = await db.query('delete from consents where account_id = $1 and client_id = $2', [
        accountId,
        clientId,
      ])
      const { grants } = await endGrantsOf(db, accountId, clientId, 'consent.withdrawn')
      return rowCount === 1 || grants > 0
    })
    if (isWithdrawn) this.#revoked()
    return isWithdrawn
  }
}

const consentOf = ({ client_id, scopes, claims, apis, allowed_at }: ConsentRow): RememberedConsent => ({
  clientId: client_id,
  access: { scopes, claims, apis },
  allowedAt: allowed_at,
})

/**
 * Commits changes together with the consent that they rely on: a new answer, or an earlier one that must not be withdrawn.
 * Call it inside a transaction. False if nothing was written.
 */
export async function withConsent(
  db: Queryable,
  consent: ConsentChange,
  write: () => Promise<boolean>,
): Promise<boolean> {
  if (consent.allowed === undefined && !(await holdConsent(db, consent))) return false
  if (!(await write())) return false
  if (consent.allowed !== undefined) await rememberConsent(db, consent, consent.allowed)
  return true
}

/** Locks an earlier consent against withdrawal until this transaction ends. False if the consent was withdrawn. */
async function holdConsent(db: Queryable, { accountId, clientId }: ConsentChange): Promise<boolean> {
  const { rowCount } = await db.query('select from consents where account_id = $1 and client_id = $2 for key share', [
    accountId,
    clientId,
  ])
  return rowCount === 1
}

/** Adds a new answer to the earlier consent, in the transaction that stores its grant. */
async function rememberConsent(
  db: Queryable,
  { accountId, clientId }: ConsentChange,
  { scopes, claims, apis }: Access,
): Promise<void> {
  await db.query(
    `insert into consents as c (account_id, client_id, scopes, claims, apis) values ($1, $2, $3, $4, $5)
         on conflict (account_id, client_id) do update
        set scopes = array(select unnest(c.scopes) union select unnest(excluded.scopes)),
            claims = array(select unnest(c.claims) union select unnest(excluded.claims)),
            apis = (select coalesce(jsonb_object_agg(audience, scopes), '{}') from (
              select audience, jsonb_agg(distinct scope) as scopes
                from (select * from jsonb_each(c.apis) union all select * from jsonb_each(excluded.apis)) as known(audience, list),
                     jsonb_array_elements(list) as scope
               group by audience) as merged),
            updated_at = now()`,
    [accountId, clientId, [...scopes], [...claims], JSON.stringify(apis)],
  )
}
