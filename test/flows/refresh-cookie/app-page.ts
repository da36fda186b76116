/** A page of an app as the server sees it: requests with the headers that a browser adds, and the browser's cookies. */
import type { Person } from '../../harness/people.ts'
import { type PlainAnswer, PlainClient } from '../../harness/plain-client.ts'
import type { Provider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

/** An empty value takes a header away. */
type Headers = Readonly<Record<string, string>>

export interface Callback {
  code: string
  verifier: string
}

export class AppPage {
  readonly agent: UserAgent
  readonly origin: string
  readonly #issuer: string
  readonly #client: PlainClient
  readonly #redirectUri: string

  /** @param agent another page's, for two apps in one browser */
  constructor(provider: Provider, clientId: string, origin: string, agent?: UserAgent) {
    const port = () => provider.port
    this.#issuer = provider.issuer
    this.origin = origin
    this.#redirectUri = `${origin}/callback`
    this.#client = new PlainClient(
      { client_id: clientId },
      { issuer: provider.issuer, port, redirectUri: this.#redirectUri },
    )
    this.agent = agent ?? new UserAgent(provider.issuer, { port })
  }

  get clientId(): string {
    return this.#client.id
  }

  /** `fetch(…, { method: 'POST', credentials: 'include' })`. */
  async post(path: string, parameters: Record<string, string>, headers: Headers = {}): Promise<PlainAnswer> {
    const url = new URL(`${this.#issuer}${path}`)
    const cookie = this.agent.cookies.header(url) ?? ''
    const all = { origin: this.origin, 'sec-fetch-site': 'same-site', cookie, ...headers }
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
    const answer = await this.#client.post(path, parameters, sent)
    this.agent.cookies.keep(url, setCookies(answer))
    return answer
  }

  /** Signs somebody in and comes back with a code; without a person by the session that there is. */
  async arrive(
    person: Person | undefined,
    parameters: Record<string, string> = {},
    remember = false,
  ): Promise<Callback> {
    const { url, verifier } = this.#client.start(parameters)
    const page = person ? await signIn(this.agent, url, person, { remember }) : await this.agent.visit(url)
    const code = page.url.searchParams.get('code')
    if (code === null) throw new Error(`No code: ${page.url.href}\n${page.text}`)
    return { code, verifier }
  }

  exchange({ code, verifier }: Callback, headers: Headers = {}): Promise<PlainAnswer> {
    const redirect = { redirect_uri: this.#redirectUri, code_verifier: verifier }
    return this.post('/token', { grant_type: 'authorization_code', code, ...redirect }, headers)
  }

  async signIn(person: Person, parameters: Record<string, string> = {}, remember = false): Promise<PlainAnswer> {
    return this.exchange(await this.arrive(person, parameters, remember))
  }

  renew(headers: Headers = {}, parameters: Record<string, string> = {}): Promise<PlainAnswer> {
    return this.post('/token', { grant_type: 'refresh_token', ...parameters }, headers)
  }

  /** RFC 7009 without a token: the one in the cookie is meant. */
  revoke(headers: Headers = {}): Promise<PlainAnswer> {
    return this.post('/token/revocation', {}, headers)
  }
}

export const setCookies = ({ headers }: Pick<PlainAnswer, 'headers'>): string[] => headers['set-cookie'] ?? []

/** The one cookie of an answer, taken apart. */
export function cookieOf(answer: Pick<PlainAnswer, 'headers'>) {
  const [line = '', another] = setCookies(answer)
  if (another !== undefined) throw new Error(`Several cookies: ${setCookies(answer).join('\n')}`)
  const [pair = '', ...attributes] = line.split('; ')
  const equals = pair.indexOf('=')
  const expires = attributes.find((attribute) => attribute.startsWith('expires='))?.slice('expires='.length)
  return {
    name: pair.slice(0, equals),
    value: pair.slice(equals + 1),
    attributes: attributes.filter((attribute) => !attribute.startsWith('expires=')).sort(),
    lifeSeconds: expires === undefined ? undefined : (Date.parse(expires) - Date.now()) / 1000,
  }
}
