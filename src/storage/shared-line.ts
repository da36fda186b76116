/**
 * One connection for many questions at a time (Postgres' pipelining): each goes out at once, and the server answers
 * one after the other without being woken for each. Measured, that halves what a question by key costs both ends.
 * Whatever is slow here is slow for all, so: questions that find their row by a key, change nothing and wait for no
 * lock. Writes do not belong here either: each would wait for the disk before the next could begin.
 */
import type { Rows, Statement } from './database.ts'
import { farewell } from './farewell.ts'
import { PostgresClient, type PostgresConfig } from './postgres-client.ts'

/** So that a node finds its way after a database has moved; the pool's connections live as long. */
const longestLifeMs = 3_600_000

interface Line {
  client: PostgresClient
  connected: Promise<unknown>
  until: number
}

export class SharedLine {
  readonly #settings: PostgresConfig
  readonly #onLost: ((error: Error) => void) | undefined
  #line: Line | undefined
  #isClosed = false

  /** Connects on first use. @param onLost told of each connection that breaks; the next question makes a new one */
  constructor(settings: PostgresConfig, onLost?: (error: Error) => void) {
    this.#settings = settings
    this.#onLost = onLost
  }

  async query<Row>(statement: Statement): Promise<Rows<Row>> {
    if (this.#isClosed) throw new Error('Client was closed')
    if (this.#line && performance.now() > this.#line.until) void this.#hangUp()
    const line = this.#line ?? this.#connect()
    await line.connected
    return line.client.query(statement as never) as unknown as Promise<Rows<Row>>
  }

  /** Waits for what was asked. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#hangUp()
  }

  #connect(): Line {
    const client = new PostgresClient({ ...this.#settings, pipeline: true })
    const line: Line = { client, connected: client.connect(), until: performance.now() + longestLifeMs }
    const forget = () => {
      if (this.#line === line) this.#line = undefined
    }
    line.connected.catch(forget)
    client.on('end', forget)
    client.on('error', (error) => {
      forget()
      this.#onLost?.(error)
    })
    this.#line = line
    return line
  }

  async #hangUp(): Promise<void> {
    const line = this.#line
    this.#line = undefined
    // One that never came about has told so to whoever asked.
    await line?.connected.then(() => farewell(line.client.end(), () => [line.client])).catch(() => undefined)
  }
}
