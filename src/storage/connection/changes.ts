/**
 * Tells what has changed in the database since it was last read: clients, keys,
 * secrets. Postgres notifies within milliseconds; beneath it the counters are
 * read each second, so that a notification lost with its connection, or kept
 * back by a pooler, costs a second and no more.
 */
import type { Client } from 'pg'
import { CuttableSockets } from './cuttable-sockets.ts'
import { connectDirectly, type DatabaseOptions, directPlaceOf, type Queryable, type Rows } from './database.ts'
import { asFailure } from './database-failure.ts'
import { farewell } from './farewell.ts'
import { nodesChannel } from './running-nodes.ts'

export type ChangeListener = (topic: string) => void | Promise<void>

export interface ChangesNeeds {
  /** A direct connection; through a transaction pooler LISTEN does nothing and the poll has to do. */
  database: DatabaseOptions
  /** Told of lost connections and of listeners that threw; watching goes on. */
  onTrouble(error: unknown): void
  pollMs?: number
}

const channel = 'claviger_changes'
/** New numbers in the log of revocations: told at once, and found by whoever follows the log in any case. */
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
    // Counters of another server may stand where these stood, though something else has changed.
    primary?.onMoved(() => this.#forgetAll())
  }

  /** Whether Postgres said within the last look that this session is the one it notifies. */
  get isListening(): boolean {
    return this.#client !== undefined && this.#isListening
  }

  /** Calls it after each change of the topic. Changes in quick succession may come as one. Returns the way to stop. */
  on(topic: string, listener: ChangeListener): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /** Calls it when the log of revocations grew, somewhere. Only sooner than a look would find it: it may be lost. */
  onRevoked(listener: () => void): void {
    this.#revoked.add(listener)
  }

  /**
   * Remembers where the counters stand; what changes from here on is told. Start
   * before reading what is to be kept fresh. @throws Failure `database_unavailable`
   */
  async start(): Promise<void> {
    await this.#connect()
    await this.#compare()
    this.#watching = this.#watch()
  }

  /** Resolves when the last listener has finished. Harmless when repeated. */
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

  /** Until the next poll is due or a notification asks for it now. */
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
      // A server that hangs must not stop the watch for long.
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

  /** The one way by which a change is seen, whatever woke us: notifications only make it sooner. */
  async #compare(): Promise<void> {
    const client = this.#client
    if (!client) return
    // A pooler may have given the session to somebody else since; the counters tell of changes all the same.
    const { rows } = await client.query<{ topic: string; version: string; listens: boolean }>({
      name: 'change-counters',
      text: `select topic, version, (select count(*) from pg_listening_channels()) = 3 as listens from change_counters`,
    })
    this.#isListening = rows.every(({ listens }) => listens)
    const before = this.#versions
    this.#versions = new Map(rows.map(({ topic, version }) => [topic, version]))
    if (!before) return
    for (const [topic, version] of this.#versions) {
      if (before.get(topic) !== version) await this.#tell(topic)
    }
  }

  async #tell(topic: string): Promise<void> {
    for (const listener of this.#listeners.get(topic) ?? []) {
      try {
        await listener(topic)
      } catch (error) {
        // What it missed it will not be told again, unless we forget that we have seen it.
        this.#forget(topic)
        this.#needs.onTrouble(error)
      }
    }
  }

  #forgetAll(): void {
    this.#versions = new Map([...(this.#versions ?? [])].map(([name]) => [name, '']))
  }

  /** Connects anew without waiting for the next poll. */
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
    // It is broken already: that it cannot say goodbye is no news.
    client?.end().catch(() => {})
  }
}
