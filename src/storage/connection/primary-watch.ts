/**
 * Proves each second that every long-lived connection of this process leads to the writable primary that new
 * connections reach. A database can move without closing a socket: by DNS, a proxy or a promoted standby. So each beat
 * opens a new connection, writes a number through it, and reads the number back through each long-lived connection.
 * A connection that fails this check is closed at once and reopens on the right server. While the proof is missing,
 * `assertProven` refuses every query.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { Failure } from '../../errors/failure.ts'
import { CuttableSockets } from './cuttable-sockets.ts'
import { connectDirectly, type DatabaseOptions, type Queryable, type Rows, type Statement } from './database.ts'
import { leave, recordAnswer, recordBeat } from './running-nodes.ts'
import { provingStatement, refuseUnwritable, type ServerPlace, serverPlaceOf } from './server-place.ts'

/** A long-lived connection, or a pool of them. */
export interface WatchedConnection {
  /** For logs. */
  name: string
  /** Undefined if no connection is open; a new connection is checked when it opens (`PrimaryWatch.admit`). */
  ask(statement: Statement): Promise<Rows<Record<string, unknown>> | undefined>
  /** Closes the connection at once, without waiting for the server. It reopens when it is needed. */
  cut(): void
}

/** How far this node has read the log of revocations; undefined if the last read failed. */
export type Followed = () => Promise<{ epoch: string; seq: number } | undefined>

export interface WatchReport {
  /** New connections reach another server, or the same one after a restart. Every connection was closed. */
  moved(): void
  /** One connection did not prove itself and was closed. */
  cut(name: string, reason: string): void
  /** The proof is missing or too old: every connection was closed, and queries are refused. */
  unproven(reason: unknown): void
  provenAgain(afterMs: number): void
}

/** How old the last proof may be. */
const proofMs = 3_000
/** How long a connection may take to answer. Less than `proofMs`, so that a hanging connection is closed before the node is unready. */
const answerMs = 1_500
const everyMs = 1_000
/** Maximum number of parallel beats: a hanging beat must not delay the next. */
const mostBeats = 3

export class PrimaryWatch {
  readonly #database: DatabaseOptions
  readonly #where: string
  readonly #node = randomUUID()
  /** The watched connections, with the number of times that each was cut. */
  readonly #connections = new Map<WatchedConnection, number>()
  readonly #movedListeners = new Set<() => void>()
  readonly #beats = new Set<Promise<void>>()
  readonly #sockets = new CuttableSockets()
  #report: WatchReport | undefined
  #followed: Followed | undefined
  #timer: NodeJS.Timeout | undefined
  #server: string | undefined
  #provenAt = Number.NEGATIVE_INFINITY
  #unprovenSince: number | undefined
  #fault: unknown
  #lastBeat = 0
  #newestProof = 0
  #answered = 0
  #answering: Promise<void> | undefined
  #isAskedAgain = false

  /** Before `start` it watches no connection and refuses no query. @param where names the database for people, without credentials */
  constructor(database: DatabaseOptions, where: string) {
    this.#database = database
    this.#where = where
  }

  /** Makes the first beat, then one each second. @throws Failure if the database cannot be reached or is no writable primary */
  async start(report: WatchReport): Promise<void> {
    await this.#attempt(this.#nextBeat())
    this.#report = report
    this.#timer = setInterval(() => this.#tick(), everyMs).unref()
  }

  /** Whether a beat has proven the connections within the last three seconds. True before `start`. */
  get isProven(): boolean {
    return !this.#timer || (this.#unprovenSince === undefined && performance.now() - this.#provenAt < proofMs)
  }

  /** @throws Failure `database_unproven` */
  assertProven(): void {
    if (!this.isProven) throw unproven(this.#fault)
  }

  /** Checks a new connection before its first use. @throws Failure `database_unproven` if it leads to another server */
  async admit(connection: Pick<Queryable, 'query'>): Promise<void> {
    if (!this.#timer) return
    const { server } = await serverPlaceOf(connection)
    if (server === this.#server) return
    // Either the database has just moved and no beat has seen it yet, or the connection opened before the move.
    await this.#beat()
    if (server !== this.#server) throw unproven(this.#fault)
  }

  /** Checks the connection with each beat. Returns a function that ends the checks. */
  watch(connection: WatchedConnection): () => void {
    this.#connections.set(connection, 0)
    return () => this.#connections.delete(connection)
  }

  /** The listener is called when new connections reach another server: all cached data must be reloaded. */
  onMoved(listener: () => void): void {
    this.#movedListeners.add(listener)
  }

  /** Sets the source of answers to commands that ask whether this node has read a revocation. */
  answersWith(followed: Followed): void {
    this.#followed = followed
  }

  /** Answers the question of a command. Questions that arrive during an answer share the next one. */
  answer(): void {
    if (!this.#timer) return
    if (this.#answering) {
      this.#isAskedAgain = true
      return
    }
    this.#answering = this.#beat().finally(() => {
      this.#answering = undefined
      if (!this.#isAskedAgain) return
      this.#isAskedAgain = false
      this.answer()
    })
  }

  /** Stops the beats and removes this node, so that commands no longer wait for it. Safe to call again. */
  async stop(): Promise<void> {
    if (!this.#timer) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#sockets.cut()
    await Promise.all(this.#beats)
    await this.#throughNewConnection((db) => leave(db, this.#node)).catch(() => undefined)
  }

  #tick(): void {
    if (!this.isProven) this.#unprove()
    if (this.#beats.size < mostBeats) void this.#beat()
  }

  #nextBeat(): number {
    this.#lastBeat += 1
    return this.#lastBeat
  }

  /** Never rejects; a failure shows in `isProven`. */
  #beat(): Promise<void> {
    const beat = this.#attempt(this.#nextBeat())
      .catch((error: unknown) => this.#failed(error))
      .finally(() => this.#beats.delete(beat))
    this.#beats.add(beat)
    return beat
  }

  #attempt(number: number): Promise<void> {
    const began = performance.now()
    return this.#throughNewConnection(async (db) => {
      const place = await serverPlaceOf(db)
      // A later beat has finished first, and its result is newer.
      if (number < this.#newestProof) return
      refuseUnwritable(place, this.#where)
      if (place.server !== this.#server) this.#moveTo(place.server)
      const question = await recordBeat(db, { id: this.#node, name: `${hostname()} ${process.pid}`, beat: number })
      await Promise.all([...this.#connections.keys()].map((one) => this.#prove(one, place.server, number)))
      if (place.server !== this.#server || number < this.#newestProof) return
      this.#newestProof = number
      this.#prevail(began)
      await this.#answerTo(question, db)
    })
  }

  async #throughNewConnection(work: (db: Queryable) => Promise<void>): Promise<void> {
    const sockets = new CuttableSockets()
    const limit = setTimeout(() => sockets.cut(), proofMs)
    try {
      const client = await connectDirectly({
        ...this.#database,
        applicationName: 'claviger proves',
        connectTimeoutMs: proofMs,
        statementTimeoutMs: proofMs,
        socket: () => this.#sockets.adopt(sockets.create()),
      })
      try {
        await work(client as unknown as Queryable)
      } finally {
        await client.end().catch(() => undefined)
      }
    } finally {
      clearTimeout(limit)
      sockets.cut()
    }
  }

  async #prove(connection: WatchedConnection, server: string, number: number): Promise<void> {
    const cuts = this.#connections.get(connection)
    try {
      const seen = await inTime(connection.ask(provingStatement(this.#node)))
      for (const row of seen?.rows ?? []) {
        const { beat, ...place } = row as unknown as ServerPlace & { beat: number | null }
        if (place.server !== server) throw new Error('the connection leads to another server than new connections')
        refuseUnwritable(place, this.#where)
        if ((beat ?? 0) < number)
          throw new Error('the connection does not see a value written through a new connection')
      }
    } catch (error) {
      // Another beat has cut the connection meanwhile, so the current one is newer than this check.
      if (this.#connections.get(connection) !== cuts) return
      this.#cut(connection)
      this.#report?.cut(connection.name, error instanceof Error ? error.message : String(error))
    }
  }

  #moveTo(server: string): void {
    const isMove = this.#server !== undefined
    this.#server = server
    if (!isMove) return
    this.#cutAll()
    for (const listener of this.#movedListeners) listener()
    this.#report?.moved()
  }

  #prevail(began: number): void {
    this.#provenAt = began
    this.#fault = undefined
    if (this.#unprovenSince === undefined) return
    this.#report?.provenAgain(performance.now() - this.#unprovenSince)
    this.#unprovenSince = undefined
  }

  #failed(error: unknown): void {
    this.#fault = error
    // Only the server's own report that it accepts no writes ends the proof at once. Other errors may be brief.
    if (error instanceof Failure && ['database_standby', 'database_read_only'].includes(error.code)) this.#unprove()
  }

  #unprove(): void {
    if (this.#unprovenSince !== undefined) return
    this.#unprovenSince = performance.now()
    this.#cutAll()
    this.#report?.unproven(this.#fault)
  }

  #cutAll(): void {
    for (const connection of this.#connections.keys()) this.#cut(connection)
  }

  #cut(connection: WatchedConnection): void {
    this.#connections.set(connection, (this.#connections.get(connection) ?? 0) + 1)
    connection.cut()
  }

  /** Call it only after every connection is proven: then the answer about the log can be trusted. */
  async #answerTo(question: number, db: Queryable): Promise<void> {
    if (question <= this.#answered || !this.#followed) return
    const followed = await this.#followed()
    if (!followed) return
    await recordAnswer(db, { id: this.#node, question, ...followed })
    this.#answered = question
  }
}

const unproven = (cause: unknown): Failure =>
  new Failure(
    'database_unproven',
    'unavailable',
    'This node cannot prove that its connections lead to the primary database. Try again in a few seconds.',
    { cause, retryAfterSeconds: 2 },
  )

/** @throws Error if there is no answer within `answerMs` */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // If this process was busy, the answer may already have arrived, so it is read first.
      setImmediate(() =>
        setImmediate(() => reject(new Error(`the connection did not answer within ${answerMs / 1000} s`))),
      )
    }, answerMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
