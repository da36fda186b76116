/** A request that breaks a rule of HTTP: method, size, content type. A request that breaks a rule of the domain is a `Failure`. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  /** @param sentence safe to show to programs */
  constructor(status: number, sentence: string, headers: Readonly<Record<string, string>> = {}) {
    super(sentence)
    this.status = status
    this.headers = headers
  }
}
