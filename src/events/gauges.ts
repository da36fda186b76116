/** Values that are read when Prometheus scrapes. The roof supplies the readings. */
import { Gauge, type Registry } from 'prom-client'

export interface KeyTimes {
  alg: string
  /** Seconds since the active key started to sign. */
  ageSeconds: number
  /** Seconds until the next key signs; negative when overdue. */
  rotationDueSeconds: number | undefined
}

/** The log of revocations as one process knows it, and its state of the feed. */
export interface RevocationState {
  /** The highest sequence number that this process has read. */
  seq: number
  /** Entries in memory. */
  alive: number
  /** Seconds since a read of the database found nothing newer. */
  ageSeconds: number
  /** Entries that were read and not yet sent to the streams. */
  unsent: number
  /** Of the last snapshot, uncompressed. */
  snapshot: { bytes: number; ageSeconds: number } | undefined
  /** Seconds by which the clock of this machine is ahead of the database's. */
  clockOffsetSeconds: number
}

/** Event streams of one kind and state. The receiver is no label, since there may be many receivers. */
export interface StreamLag {
  method: string
  status: string
  streams: number
  /** Age of the oldest undelivered event; 0 when every stream has received all events. */
  oldestSeconds: number
}

type Reading<Value> = () => Value | Promise<Value>

/** A reading that is left out gets no gauge. */
export interface Gauges {
  hashQueue?: Reading<{ running: number; waiting: number }>
  keys?: Reading<readonly KeyTimes[]>
  /** Expired rows still in the database. */
  cleanupBacklog?: Reading<number>
  /** Back-channel logout notices that wait for delivery. */
  logoutsWaiting?: Reading<number>
  auditBuffered?: Reading<number>
  auditDropped?: Reading<number>
  revocations?: Reading<RevocationState>
  eventStreams?: Reading<readonly StreamLag[]>
  databaseConnections?: Reading<{ total: number; idle: number; waiting: number }>
}

export function registerGauges(registry: Registry, gauges: Gauges): void {
  const {
    hashQueue,
    keys,
    cleanupBacklog,
    logoutsWaiting,
    auditBuffered,
    auditDropped,
    databaseConnections,
    revocations,
    eventStreams,
  } = gauges
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
    gauge('backchannel_logouts_waiting', 'Back-channel logout notices that wait for delivery.', [], async (set) =>
      set(await logoutsWaiting()),
    )
  if (auditBuffered)
    gauge('audit_buffered_entries', 'Audit entries waiting to be written.', [], async (set) =>
      set(await auditBuffered()),
    )
  if (auditDropped)
    gauge('audit_dropped_entries', 'Audit entries lost since the start.', [], async (set) => set(await auditDropped()))
  if (revocations) registerRevocations(gauge, revocations)
  if (eventStreams) registerEventStreams(gauge, eventStreams)
  if (databaseConnections) {
    gauge('database_connections', 'Pool connections, and callers waiting for one.', ['state'], async (set) =>
      byState(set, await databaseConnections()),
    )
  }
}

function registerRevocations(gauge: ReturnType<typeof gaugeIn>, read: Reading<RevocationState>): void {
  const one = (name: string, help: string, value: (state: RevocationState) => number | undefined) =>
    gauge(name, help, [], async (set) => {
      const found = value(await read())
      if (found !== undefined) set(found)
    })
  one(
    'revocation_log_seq',
    'The highest sequence number of the log of revocations that this node has read.',
    ({ seq }) => seq,
  )
  one(
    'revocation_log_age_seconds',
    'Seconds since a read of the database found nothing newer.',
    (state) => state.ageSeconds,
  )
  one('revocations_alive', 'Entries of the log that have not expired.', ({ alive }) => alive)
  one('feed_unsent_entries', 'Entries that this node has read and not yet sent to its streams.', ({ unsent }) => unsent)
  one('feed_snapshot_bytes', 'Size of the last snapshot made, uncompressed.', ({ snapshot }) => snapshot?.bytes)
  one('feed_snapshot_age_seconds', 'Age of the last snapshot made.', ({ snapshot }) => snapshot?.ageSeconds)
  one(
    'clock_offset_seconds',
    "How far this machine's clock is ahead of the database's; beyond 2 no tokens are issued.",
    (state) => state.clockOffsetSeconds,
  )
}

function registerEventStreams(gauge: ReturnType<typeof gaugeIn>, read: Reading<readonly StreamLag[]>): void {
  const labels = ['method', 'status']
  gauge('event_streams', 'Event streams of receivers (Shared Signals).', labels, async (set) => {
    for (const { method, status, streams } of await read()) set(streams, method, status)
  })
  gauge('event_stream_lag_seconds', 'Age of the oldest event not received by its stream.', labels, async (set) => {
    for (const { method, status, oldestSeconds } of await read()) set(oldestSeconds, method, status)
  })
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
      // A failed reading (database unavailable) omits its gauge; the rest of /metrics is still served.
      async collect() {
        this.reset()
        const set: Set = (value, ...labels) => (labels.length > 0 ? this.labels(...labels).set(value) : this.set(value))
        await read(set).catch(() => this.remove())
      },
    })
  }
}
