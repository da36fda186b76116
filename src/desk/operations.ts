/** The needs of operations, on a deployment's database. */
import { AttemptThrottle } from '../credentials/attempt-throttle.ts'
import type { AuditEntry } from '../events/events.ts'
import type { PerformNeeds } from '../operations/operations.ts'
import type { Stores } from '../operations/stores.ts'
import { PostgresApiStore } from '../storage/apps/api-store.ts'
import { PostgresClientStore } from '../storage/apps/client-store.ts'
import { appendEntry } from '../storage/audit/audit-log.ts'
import type { Database } from '../storage/connection/database.ts'
import { inTransaction } from '../storage/connection/one-transaction.ts'
import { PostgresAccountStore } from '../storage/people/account-store.ts'
import { PostgresAttemptStore } from '../storage/people/attempt-store.ts'
import { PostgresPasswordStore } from '../storage/people/password-store.ts'
import { PostgresBrowserSessions } from '../storage/protocol/browser-sessions.ts'
import { PostgresRevocations } from '../storage/revocation/revocations.ts'
import { PostgresStreamStore } from '../storage/signals/stream-store.ts'

/** @param announce logs and counts a committed entry */
export function performOn(db: Database, announce: (entry: AuditEntry) => void): PerformNeeds {
  return {
    stores: storesOn(db),
    async transaction(work) {
      const { output, entry } = await db.transaction(async (client) => {
        const done = await work(storesOn(inTransaction(client)))
        await appendEntry(client, done.entry)
        return done
      })
      announce(entry)
      return output
    },
  }
}

function storesOn(db: Database): Stores {
  const sessions = new PostgresBrowserSessions(db)
  const streams = new PostgresStreamStore(db)
  return {
    accounts: new PostgresAccountStore(db),
    passwords: new PostgresPasswordStore(db),
    attempts: new AttemptThrottle(new PostgresAttemptStore(db)),
    clients: new PostgresClientStore(db),
    apis: new PostgresApiStore(db),
    sessions: {
      count: async (accountId) => (await sessions.list(accountId)).length,
      async end(id, by) {
        const found = await sessions.find(id)
        return found && (await sessions.end(id, by)) ? { accountId: found.accountId } : undefined
      },
    },
    revocations: new PostgresRevocations(db),
    streams: { find: (id) => streams.find(id), remove: (id) => streams.remove(id) },
  }
}
