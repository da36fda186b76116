/**
 * Reports changes of clients, keys and secrets in the database. Postgres notifies
 * within milliseconds. The change counters are also read each second, so that a
 * notification lost by a connection or a pooler delays a report by one second.
 */
import type { Client } from 'pg'
import { CuttableSockets } from './cuttable-sockets.ts'
import { connectDirectly, type DatabaseOptions, directPlaceOf, type Queryable, type Rows } from './database.ts'
import { asFailure } from './database-failure.ts'
import { farewell } from './farewell.ts'
import { nodesChannel } from './running-nodes.ts'

export type ChangeListener = (topic: string) => void | Promise<void>

export interface ChangesNeeds {
  /** A direct connection. LISTEN has no effect through a transaction pooler; then only the poll finds changes. */
  database: DatabaseOptions
  /** Called for lost connections and for listeners that threw; the watch continues. */
  onTrouble(error: unknown): void
  pollMs?: number
}

const channel = 'claviger_changes'
/** Notifies of new entries in the log of revocations. Readers of the log also find them by polling. */
const revocationChannel = 'claviger_revocations'

export class Changes {
  readonly #needs: ChangesNeeds
  readonly #listeners = new Map<string, Set<ChangeListener>>()
  readonly #stopping = new AbortController()
  readonly #revoked = new Set<() => void>()
  readonly #sockets = new CuttableSockets()
  #stopWatching: (() => void) | undefined
  #versions: ReadonlyMap<string, string> | undefined
  #client: Client | undefined
  #watching: Promise<void> | undefined
  #wake: () => void = () => {}
  #nudged = false
  #isListening = false

  constructor(needs: ChangesNeeds) {
    this.#needs = needs
    const { primary } = needs.database
    this.#stopWatching = primary?.watch({
      name: 'claviger listens',
      ask: async (statement) => this.#client?.query(statement as never) as unknown as Rows<Record<string, unknown>>,
      cut: () => this.#cut(),
    })
    // Another server may have equal counters but other data, so every topic counts as changed.
    primary?.onMoved(() => this.#forgetAll())
  }

  /** Whether the last poll found that this connection still listens. */
  get isListening(): boolean {
    return this.#client !== undefined && this.#isListening
  }

  /** Calls the listener after each change of the topic; quick changes may be combined. Returns a function that removes the listener. */
  on(topic: string, listener: ChangeListener): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /** Calls the listener when any node added to the log of revocations. A notification may be lost, so the listener must poll too. */
  onRevoked(listener: () => void): void {
    this.#revoked.add(listener)
  }

  /**
   * Remembers the current counters; later changes are reported. Call it before
   * reading data that must stay current. @throws Failure `database_unavailable`
   */
  async start(): Promise<void> {
    await this.#connect()
    await this.#compare()
    this.#watching = this.#watch()
  }

  /** Resolves when the last listener has finished. Safe to call again. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    await this.#watching
    this.#stopWatching?.()
    const client = this.#client
    if (client) await farewell(client.end(), () => this.#sockets.cut())
  }

  async #watch(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#pause()
      if (this.#stopping.signal.aborted) return
      try {
        if (!this.#client) await this.#connect()
        await this.#compare()
      } catch (error) {
        this.#disconnect()
        this.#needs.onTrouble(error)
      }
    }
  }

  /** Waits until the next poll is due or a notification arrives. */
  async #pause(): Promise<void> {
    if (!this.#nudged) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#needs.pollMs ?? 1_000)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
        if (this.#stopping.signal.aborted) this.#wake()
      })
    }
    this.#nudged = false
  }

  async #connect(): Promise<void> {
    const client = await connectDirectly(
      // The time limit bounds how long a hanging server stops the watch.
      {
        ...this.#needs.database,
        applicationName: 'claviger listens',
        statementTimeoutMs: 5_000,
        socket: this.#sockets.create,
      },
      (lost) => {
        if (this.#client === lost) this.#disconnect()
      },
    )
    client.on('notification', (notice) => {
      if (notice.channel === revocationChannel) {
        for (const listener of this.#revoked) listener()
        return
      }
      if (notice.channel === nodesChannel) {
        this.#needs.database.primary?.answer()
        return
      }
      this.#nudged = true
      this.#wake()
    })
    try {
      await this.#needs.database.primary?.admit(client as unknown as Queryable)
      await client.query(`listen ${channel}; listen ${revocationChannel}; listen ${nodesChannel}`)
      this.#client = client
    } catch (error) {
      client.end().catch(() => {})
      throw asFailure(error, directPlaceOf(this.#needs.database))
    }
  }

  /** Finds changes by comparing counters; notifications only start the comparison sooner. */
  async #compare(): Promise<void> {
    const client = this.#client
    if (!client) return
    // A pooler may have given the server session to another client; the counters show changes in any case.
    const { rows } = await client.query<{ topic: string; version: string; listens: boolean }>({
      name: 'change-counters',
      text: `select topic, version, (select count(*) from pg_listening_channels()) = 3 as listens from change_counters`,
    })
    this.#isListening = rows.every(({ listens }) => listens)
    const before = this.#versions
    this.#versions = new Map(rows.map(({ topic, version }) => [topic, version]))
    if (!before) return
    for (const [topic, version] of this.#versions) {
      if (before.get(topic) !== version) await this.#notify(topic)
    }
  }

  async #notify(topic: string): Promise<void> {
    for (const listener of this.#listeners.get(topic) ?? []) {
      try {
        await listener(topic)
      } catch (error) {
        // Forgetting the version makes the next poll report the topic again.
        this.#forget(topic)
        this.#needs.onTrouble(error)
      }
    }
  }

  #forgetAll(): void {
    this.#versions = new Map([...(this.#versions ?? [])].map(([name]) => [name, '']))
  }

  /** Closes the connection and reconnects without waiting for the next poll. */
  #cut(): void {
    this.#sockets.cut()
    this.#disconnect()
    this.#nudged = true
    this.#wake()
  }

  #forget(topic: string): void {
    this.#versions = new Map(
      [...(this.#versions ?? [])].map(([name, version]) => [name, name === topic ? '' : version]),
    )
  }

  #disconnect(): void {
    const client = this.#client
    this.#client = undefined
    // The connection is already broken, so an error while closing it is ignored.
    client?.end().catch(() => {})
  }
}
