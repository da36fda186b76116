/**
 * One connection for many questions at a time (Postgres' pipelining): each goes out at once, and the server answers
 * one after the other without being woken for each. Measured, that halves what a question by key costs both ends.
 * Whatever is slow here is slow for all, so: questions that find their row by a key, change nothing and wait for no
 * lock. Writes do not belong here either: each would wait for the disk before the next could begin.
 */
import type { Queryable, Rows, Statement } from './database.ts'
import { PostgresClient, type PostgresConfig } from './postgres-client.ts'
import type { PrimaryWatch } from './primary-watch.ts'

/** The pool's connections live as long. */
const longestLifeMs = 3_600_000

interface Line {
  client: PostgresClient
  isOpen: boolean
  connected: Promise<unknown>
  until: number
}

export interface SharedLineNeeds {
  /** Told of each connection that breaks; the next question makes a new one. */
  onLost?: ((error: Error) => void) | undefined
  /** Each connection is checked before the first question goes through it. */
  primary?: Pick<PrimaryWatch, 'admit'> | undefined
}

export class SharedLine {
  readonly #settings: PostgresConfig
  readonly #needs: SharedLineNeeds
  #line: Line | undefined
  #isClosed = false

  /** Connects on first use. */
  constructor(settings: PostgresConfig, needs: SharedLineNeeds = {}) {
    this.#settings = settings
    this.#needs = needs
  }

  async query<Row>(statement: Statement): Promise<Rows<Row>> {
    if (this.#isClosed) throw new Error('Client was closed')
    if (this.#line && performance.now() > this.#line.until) void this.#hangUp()
    const line = this.#line ?? this.#connect()
    await line.connected
    return line.client.query(statement as never) as unknown as Promise<Rows<Row>>
  }

  /** As `query`, but undefined where no connection is open. */
  async ask<Row>(statement: Statement): Promise<Rows<Row> | undefined> {
    const line = this.#line
    return line?.isOpen ? (line.client.query(statement as never) as unknown as Promise<Rows<Row>>) : undefined
  }

  /** Waits for what was asked. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#hangUp()
  }

  #connect(): Line {
    const client = new PostgresClient({ ...this.#settings, pipeline: true })
    const line: Line = {
      client,
      isOpen: false,
      connected: this.#opened(client).then(() => {
        line.isOpen = true
      }),
      until: performance.now() + longestLifeMs,
    }
    const forget = () => {
      line.isOpen = false
      if (this.#line === line) this.#line = undefined
    }
    line.connected.catch(() => {
      forget()
      client.end().catch(() => undefined)
    })
    client.on('end', forget)
    client.on('error', (error) => {
      forget()
      this.#needs.onLost?.(error)
    })
    this.#line = line
    return line
  }

  async #opened(client: PostgresClient): Promise<void> {
    await client.connect()
    await this.#needs.primary?.admit(client as unknown as Queryable)
  }

  async #hangUp(): Promise<void> {
    const line = this.#line
    this.#line = undefined
    // One that never came about has told so to whoever asked.
    await line?.connected.then(() => line.client.end()).catch(() => undefined)
  }
}
