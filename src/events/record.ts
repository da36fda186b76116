/** The one place where an event becomes an audit entry, a log line and a count. */
import { eventKinds, isEventKind } from './event-kinds.ts'
import type { AuditEntry, AuditLog } from './events.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

export interface EventNeeds {
  audit: Pick<AuditLog, 'write'>
  log: Pick<Log, 'debug' | 'info' | 'warn' | 'error'>
  metrics: Pick<Metrics, 'event' | 'signIn' | 'tokenIssued' | 'tokenRefused'>
}

/** Never throws: whatever happens to the record must not happen to the request. */
export type RecordEvent = (entry: AuditEntry) => void

export function createRecord({ audit, log, metrics }: EventNeeds): RecordEvent {
  return (entry) => {
    const [loudness, sentence] = isEventKind(entry.kind)
      ? eventKinds[entry.kind]
      : (['info', 'Something was recorded'] as const)
    attempt(() => metrics.event(entry.kind))
    attempt(() => audit.write(entry))
    attempt(() => {
      const { kind, detail, ...about } = entry
      log[loudness](
        { event: kind, ...about, ...(detail && Object.keys(detail).length > 0 ? { detail } : {}) },
        sentence,
      )
    })

    function attempt(act: () => void): void {
      try {
        act()
      } catch (error) {
        reportOnce(log, error)
      }
    }
  }
}

function reportOnce(log: EventNeeds['log'], error: unknown): void {
  try {
    log.error({ error }, 'An event could not be recorded')
  } catch {
    // The log itself is broken: there is nowhere left to say so, and the request must go on.
  }
}

/** Who stands behind a request, as far as it is known. */
export interface About {
  accountId?: string | undefined
  clientId?: string | undefined
  /** Client address as far as it is trusted. */
  source?: string | undefined
  requestId?: string | undefined
}

/** The person, else the app, else nobody known. */
export function actorOf({ accountId, clientId }: About): string {
  if (accountId) return `account:${accountId}`
  return clientId ? `client:${clientId}` : 'anonymous'
}

/** Picks what belongs beside `detail`, and nothing that came along by accident. */
export const whereOf = ({ accountId, clientId, source, requestId }: About): About => ({
  accountId,
  clientId,
  source,
  requestId,
})
