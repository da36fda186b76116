/** Values that are read when Prometheus asks, from wherever the roof says they are. */
import { Gauge, type Registry } from 'prom-client'

export interface KeyTimes {
  alg: string
  /** How long the active key has been signing. */
  ageSeconds: number
  /** Until the next one signs; negative when that is overdue. */
  rotationDueSeconds: number | undefined
}

type Reading<Value> = () => Value | Promise<Value>

/** What nobody watches gets no gauge. */
export interface Gauges {
  hashQueue?: Reading<{ running: number; waiting: number }>
  keys?: Reading<readonly KeyTimes[]>
  /** Expired rows still in the database. */
  cleanupBacklog?: Reading<number>
  /** Apps still to be told of ended sessions. */
  logoutsWaiting?: Reading<number>
  auditBuffered?: Reading<number>
  auditDropped?: Reading<number>
  databaseConnections?: Reading<{ total: number; idle: number; waiting: number }>
}

export function registerGauges(registry: Registry, gauges: Gauges): void {
  const { hashQueue, keys, cleanupBacklog, logoutsWaiting, auditBuffered, auditDropped, databaseConnections } = gauges
  const gauge = gaugeIn(registry)
  if (hashQueue)
    gauge('password_hash_queue', 'Password hashes being computed and waiting.', ['state'], async (set) =>
      byState(set, await hashQueue()),
    )
  if (keys) {
    gauge('signing_key_age_seconds', 'How long the active key has been signing.', ['alg'], async (set) => {
      for (const key of await keys()) set(key.ageSeconds, key.alg)
    })
    gauge('key_rotation_due_seconds', 'Until the next key signs; negative when overdue.', ['alg'], async (set) => {
      for (const key of await keys()) if (key.rotationDueSeconds !== undefined) set(key.rotationDueSeconds, key.alg)
    })
  }
  if (cleanupBacklog)
    gauge('cleanup_backlog_rows', 'Expired rows not yet removed.', [], async (set) => set(await cleanupBacklog()))
  if (logoutsWaiting)
    gauge('backchannel_logouts_waiting', 'Apps still to be told of ended sessions.', [], async (set) =>
      set(await logoutsWaiting()),
    )
  if (auditBuffered)
    gauge('audit_buffered_entries', 'Audit entries waiting to be written.', [], async (set) =>
      set(await auditBuffered()),
    )
  if (auditDropped)
    gauge('audit_dropped_entries', 'Audit entries lost since the start.', [], async (set) => set(await auditDropped()))
  if (databaseConnections) {
    gauge('database_connections', 'Pool connections, and callers waiting for one.', ['state'], async (set) =>
      byState(set, await databaseConnections()),
    )
  }
}

type Set = (value: number, ...labels: string[]) => void

const byState = (set: Set, states: object): void => {
  for (const [state, value] of Object.entries(states)) set(value as number, state)
}

function gaugeIn(registry: Registry) {
  return (name: string, help: string, labelNames: string[], read: (set: Set) => Promise<void>): void => {
    new Gauge({
      name: `claviger_${name}`,
      help,
      labelNames,
      registers: [registry],
      // A reading that fails (database away) leaves its gauge out; the rest of /metrics must still be served.
      async collect() {
        this.reset()
        const set: Set = (value, ...labels) => (labels.length > 0 ? this.labels(...labels).set(value) : this.set(value))
        await read(set).catch(() => this.remove())
      },
    })
  }
}
