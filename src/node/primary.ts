/** Log lines for a database that moves while the node runs. */
import type { Log } from '../events/log.ts'
import type { WatchReport } from '../storage/connection/primary-watch.ts'

export const reportPrimary = (log: Pick<Log, 'error' | 'info' | 'warn'>): WatchReport => ({
  moved: () =>
    log.warn(
      { event: 'database.moved' },
      'New connections reach another database server, or the same server after a restart; all connections are reopened and all data is reloaded',
    ),
  cut: (connection, reason) =>
    log.warn(
      { event: 'database.cut', connection, reason },
      'A database connection did not prove that it leads to the primary; it was closed and is reopened',
    ),
  unproven: (error) =>
    log.error(
      { event: 'database.unproven', error },
      'No database connection proves that it leads to the primary; this node is not ready and answers 503 until one does',
    ),
  provenAgain: (afterMs) =>
    log.info(
      { event: 'database.proven', afterMs: Math.round(afterMs) },
      'Database connections lead to the primary again; this node serves',
    ),
})
