/**
 * Proves each second that every long-lived connection of this process speaks to the writable primary that new
 * connections reach. A database moves without closing a socket: by DNS, by a proxy, by a promoted standby. So each beat
 * opens a new connection, writes a number through it, and reads the number back through each long-lived connection.
 * Connections that cannot prove this are closed at once; they open again on the right server. While nothing is proven,
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
  /** Undefined where nothing is open: a connection proves itself when it opens (`PrimaryWatch.admit`). */
  ask(statement: Statement): Promise<Rows<Record<string, unknown>> | undefined>
  /** Closes it at once, without waiting for the server. It opens again when it is needed. */
  cut(): void
}

/** How far this node has read the log of revocations; undefined when it could not read just now. */
export type Followed = () => Promise<{ epoch: string; seq: number } | undefined>

export interface WatchReport {
  /** New connections reach another server, or the same one after a restart. Every connection was closed. */
  moved(): void
  /** One connection did not prove itself and was closed. */
  cut(name: string, reason: string): void
  /** Nothing is proven any more: every connection was closed, and queries are refused. */
  unproven(reason: unknown): void
  provenAgain(afterMs: number): void
}

/** How old the last proof may be. */
const proofMs = 3_000
/** How long a connection may take to answer. Less than `proofMs`: a connection that hangs is closed before the node is unready. */
const answerMs = 1_500
const everyMs = 1_000
/** Beats under way at a time: one that hangs must not keep back the next. */
const mostBeats = 3

export class PrimaryWatch {
  readonly #database: DatabaseOptions
  readonly #where: string
  readonly #node = randomUUID()
  /** Each with how often it was cut. */
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

  /** Watches nothing, and refuses nothing, until `start`. @param where names the database for people, without credentials */
  constructor(database: DatabaseOptions, where: string) {
    this.#database = database
    this.#where = where
  }

  /** The first beat, then one each second. @throws Failure when the database cannot be reached or is no writable primary */
  async start(report: WatchReport): Promise<void> {
    await this.#attempt(this.#nextBeat())
    this.#report = report
    this.#timer = setInterval(() => this.#tick(), everyMs).unref()
  }

  /** Whether every connection has proven itself within the last three seconds. True before `start`. */
  get isProven(): boolean {
    return !this.#timer || (this.#unprovenSince === undefined && performance.now() - this.#provenAt < proofMs)
  }

  /** @throws Failure `database_unproven` */
  assertProven(): void {
    if (!this.isProven) throw unproven(this.#fault)
  }

  /** A connection that has just opened, before it is used. @throws Failure `database_unproven` when it leads elsewhere */
  async admit(connection: Pick<Queryable, 'query'>): Promise<void> {
    if (!this.#timer) return
    const { server } = await serverPlaceOf(connection)
    if (server === this.#server) return
    // This is the first to see that the database has moved, or it was opened just before it moved.
    await this.#beat()
    if (server !== this.#server) throw unproven(this.#fault)
  }

  /** Has it proven each second. Returns the way to stop. */
  watch(connection: WatchedConnection): () => void {
    this.#connections.set(connection, 0)
    return () => this.#connections.delete(connection)
  }

  /** Called when another server answers than before: what was remembered of the old one has to be read anew. */
  onMoved(listener: () => void): void {
    this.#movedListeners.add(listener)
  }

  /** What to answer when a command asks whether this node has read a revocation. */
  answersWith(followed: Followed): void {
    this.#followed = followed
  }

  /** A command asks. Questions that come meanwhile share the next answer. */
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

  /** Commands do not wait for this node any more. Harmless when repeated. */
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

  /** Never rejects: what failed shows in `isProven`. */
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
      // A later beat was sooner, and knows better.
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
        if (place.server !== server) throw new Error('it speaks to another server than new connections')
        refuseUnwritable(place, this.#where)
        if ((beat ?? 0) < number) throw new Error('it does not see what was written through a new connection')
      }
    } catch (error) {
      // Another beat has cut it meanwhile: what is open now has opened since.
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
    // The server itself said that it takes no writes. Everything else may be a matter of a moment.
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

  /** Only now, when every connection is proven, may the node say how far it has read. */
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
    'This node cannot prove at the moment that it speaks to the right database. Try again in a few seconds.',
    { cause, retryAfterSeconds: 2 },
  )

/** @throws Error when there is no answer in `answerMs` */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // Where this process itself was busy, the answer may have arrived unread: read first.
      setImmediate(() => setImmediate(() => reject(new Error(`it did not answer within ${answerMs / 1000} s`))))
    }, answerMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
