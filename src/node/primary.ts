/** What the log says when the database moves under a running node. */
import type { Log } from '../events/log.ts'
import type { WatchReport } from '../storage/connection/primary-watch.ts'

export const reportPrimary = (log: Pick<Log, 'error' | 'info' | 'warn'>): WatchReport => ({
  moved: () =>
    log.warn(
      { event: 'database.moved' },
      'New connections reach another database server, or the same one after a restart: every connection was reopened and everything is read anew',
    ),
  cut: (connection, reason) =>
    log.warn(
      { event: 'database.cut', connection, reason },
      'A database connection did not prove that it leads to the primary: it was closed and is reopened',
    ),
  unproven: (error) =>
    log.error(
      { event: 'database.unproven', error },
      'No connection proves that it leads to the primary: this node is not ready and answers 503 until one does',
    ),
  provenAgain: (afterMs) =>
    log.info(
      { event: 'database.proven', afterMs: Math.round(afterMs) },
      'The connections lead to the primary again: this node serves',
    ),
})
