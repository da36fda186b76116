/**
 * One connection to Postgres, opened as libpq would: where `sslmode` allows two ways, the second is tried when the
 * server does not take the first; and a pooler that refuses a startup parameter is asked again without it.
 */
import { Client, type ClientConfig } from 'pg'
import { cut } from './farewell.ts'
import { type TlsSettings, type Way, waysOf } from './tls-ways.ts'

export interface PostgresConfig extends ClientConfig {
  /** In place of `ssl`. */
  tls?: TlsSettings
}

type Connected = (error: Error | null, client?: Client) => void

/** Poolers, by host and port: asked once, told for good. */
const withoutParameters = new Set<string>()

const unsupportedParameter = /unsupported startup parameter/i

/** The server never got as far as to look at us: the other way leads to the same wall. */
const isOutOfReach = (error: Error) =>
  'code' in error &&
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES)$/.test(String(error.code))

const saysServer = (error: Error): boolean => 'severity' in error

export class PostgresClient extends Client {
  readonly #config: PostgresConfig
  #ways: Way[] = []
  #said: Error | undefined
  #until = Number.POSITIVE_INFINITY
  /** A pooler took no `statement_timeout`. */
  #isWithoutLimit = false

  constructor(config: PostgresConfig) {
    super({ ...config, ssl: false })
    this.#config = config
    // A pool has moments in which it does not listen: when it hands a connection out, and while one is checked. A loss in
    // one of these would end the process; the next statement tells of it anyway.
    this.on('error', () => {})
  }

  override connect(): Promise<Client>
  override connect(callback: Connected): void
  override connect(callback?: Connected): Promise<Client> | undefined {
    if (callback) return void this.#begin(callback)
    return new Promise((resolve, reject) => this.#begin((error) => (error ? reject(error) : resolve(this))))
  }

  #begin(connected: Connected): void {
    try {
      this.#ways = waysOf(this.#config.tls ?? { mode: 'disable' }, this.host)
    } catch (error) {
      // As `pg` does: never before `connect` has returned.
      process.nextTick(connected, error)
      return
    }
    this.#isWithoutLimit = withoutParameters.has(this.#address)
    const { connectionTimeoutMillis: patience = 0 } = this.#config
    if (patience > 0) this.#until = performance.now() + patience - 1
    this.#tryNext(connected)
  }

  #tryNext(connected: Connected): void {
    const way = this.#ways.shift() ?? false
    if (way !== false || this.#said !== undefined || this.#isWithoutLimit) this.#startOver(way)
    super.connect(((error: Error | null, client?: Client) => {
      if (!error) return connected(null, client)
      if (performance.now() >= this.#until) return this.#giveUp(error, connected)
      if (unsupportedParameter.test(error.message) && !this.#isWithoutLimit) {
        withoutParameters.add(this.#address)
        this.#isWithoutLimit = true
        this.#ways.unshift(way)
      } else if (this.#ways.length === 0 || isOutOfReach(error) || (way === false && !saysServer(error))) {
        return this.#giveUp(this.#worthTelling(error), connected)
      }
      this.#said = this.#worthTelling(error)
      this.#tryNext(connected)
    }) as never)
  }

  /** What fails on this side leaves a connection that the server keeps for a minute, and with it this process. */
  #giveUp(error: Error, connected: Connected): void {
    cut(this)
    connected(error)
  }

  /** Of two ways that failed, the server's own words tell more than that it has no TLS. */
  #worthTelling(error: Error): Error {
    return this.#said !== undefined && saysServer(this.#said) && !saysServer(error) ? this.#said : error
  }

  get #address(): string {
    return `${this.host}:${this.port}`
  }

  /** A `Client` connects once: what it consists of is taken anew; whoever listens to it stays. */
  #startOver(ssl: Way): void {
    this.connection.removeAllListeners()
    this.connection.on('error', () => {})
    cut(this)
    const { statement_timeout: limit, ...bare } = this.#config
    const fresh = new Client({
      ...bare,
      ...(limit === undefined || this.#isWithoutLimit ? {} : { statement_timeout: limit }),
      ssl,
    })
    const { _events, _eventsCount, _maxListeners, ...state } = fresh as unknown as Record<string, unknown>
    Object.assign(this, state)
  }
}
