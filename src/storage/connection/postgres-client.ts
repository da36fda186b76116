/**
 * One connection to Postgres, opened as libpq does. If `sslmode` allows two ways, the second is tried when the server
 * refuses the first. If a pooler refuses a startup parameter, the connection is tried again without it.
 */
import { Client, type ClientConfig } from 'pg'
import { cut } from './farewell.ts'
import { type TlsSettings, type Way, waysOf } from './tls-ways.ts'

export interface PostgresConfig extends ClientConfig {
  /** Replaces `ssl`. */
  tls?: TlsSettings
}

type Connected = (error: Error | null, client?: Client) => void

/** Host and port of poolers that refused a startup parameter; remembered for the life of the process. */
const withoutParameters = new Set<string>()

const unsupportedParameter = /unsupported startup parameter/i

/** The server was not reached, so the other way would fail too. */
const isOutOfReach = (error: Error) =>
  'code' in error &&
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES)$/.test(String(error.code))

const isFromServer = (error: Error): boolean => 'severity' in error

export class PostgresClient extends Client {
  readonly #config: PostgresConfig
  #ways: Way[] = []
  #firstError: Error | undefined
  #until = Number.POSITIVE_INFINITY
  /** A pooler refused `statement_timeout`. */
  #isWithoutLimit = false

  constructor(config: PostgresConfig) {
    super({ ...config, ssl: false })
    this.#config = config
    // While the pool hands out or checks a connection, it has no listener, and a lost connection would end the process.
    // The next statement reports the loss in any case.
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
      // Like `pg`, this calls back only after `connect` has returned.
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
    if (way !== false || this.#firstError !== undefined || this.#isWithoutLimit) this.#startOver(way)
    super.connect(((error: Error | null, client?: Client) => {
      if (!error) return connected(null, client)
      if (performance.now() >= this.#until) return this.#giveUp(error, connected)
      if (unsupportedParameter.test(error.message) && !this.#isWithoutLimit) {
        withoutParameters.add(this.#address)
        this.#isWithoutLimit = true
        this.#ways.unshift(way)
      } else if (this.#ways.length === 0 || isOutOfReach(error) || (way === false && !isFromServer(error))) {
        return this.#giveUp(this.#clearer(error), connected)
      }
      this.#firstError = this.#clearer(error)
      this.#tryNext(connected)
    }) as never)
  }

  /** Closes the socket. Otherwise, after a failure on this side, the server keeps the connection, and the process, for a minute. */
  #giveUp(error: Error, connected: Connected): void {
    cut(this)
    connected(error)
  }

  /** If both ways failed, an error from the server is clearer than the missing TLS support. */
  #clearer(error: Error): Error {
    return this.#firstError !== undefined && isFromServer(this.#firstError) && !isFromServer(error)
      ? this.#firstError
      : error
  }

  get #address(): string {
    return `${this.host}:${this.port}`
  }

  /** A `Client` connects only once, so its state is replaced by that of a new one; its listeners stay. */
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
