/** Web on a loopback port over stand-ins for the engine, people and passwords; for the tests of this room. */
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Middleware } from 'koa'
import { type HTMLElement, parse } from 'node-html-parser'
import type { Account } from '../../src/accounts/account.ts'
import type { Client } from '../../src/clients/client.ts'
import type { RememberedConsent } from '../../src/consent/consent-store.ts'
import type { SignIn, SignInAttempt } from '../../src/credentials/sign-in.ts'
import type { AnsweredRequest } from '../../src/events/access-log.ts'
import type { Interaction, InteractionClient, InteractionLookup, Interactions } from '../../src/oidc/interactions.ts'
import type { OidcPages } from '../../src/oidc/oidc-pages.ts'
import { createDocuments } from '../../src/web/documents.ts'
import { createListener } from '../../src/web/listener.ts'
import { createOidcPages } from '../../src/web/oidc-pages.ts'
import { createPages } from '../../src/web/pages.ts'
import { serverSettings } from '../../src/web/server-settings.ts'
import { createWeb } from '../../src/web/web.ts'

export const uid = 'Nf0x2sT7vYQm3'
export const csrf = 'the-token-of-this-form'

export const app: InteractionClient = {
  id: 'photo-album',
  name: 'Photo Album',
  firstParty: false,
  startUri: 'https://photos.example/',
  logoUri: undefined,
  policyUri: 'https://photos.example/privacy',
  tosUri: 'https://photos.example/terms',
  destination: 'photos.example',
}

export const person = (id: string, email: string, name?: string): Account => ({
  id,
  email,
  name,
  emailVerified: true,
  claims: {},
  isAdmin: false,
  disabledAt: undefined,
  createdAt: new Date(0),
  updatedAt: new Date(0),
})
export const ada = person('acc_ada', 'ada@example.com', 'Ada Lovelace')
export const ben = person('acc_ben', 'ben@example.com', 'Ben Okri')

export const interaction = (changes: Partial<Interaction> = {}): Interaction => ({
  uid,
  prompt: 'login',
  reasons: ['no_session'],
  client: app,
  loginHint: undefined,
  uiLocales: undefined,
  selectAccount: false,
  session: undefined,
  missing: { scopes: [], claims: [], apis: {} },
  apis: {},
  device: undefined,
  isRemembered: false,
  ...changes,
})
export const live = (changes: Partial<Interaction> = {}): InteractionLookup => ({
  state: 'live',
  interaction: interaction(changes),
})
export const signedInAs = ({ id }: Account) => ({ accountId: id, uid: 'session-uid', remembered: false })

/** What tests may set, and what they may look at afterwards. */
export interface Stage {
  url: string
  port: number
  lookup: InteractionLookup | (() => InteractionLookup)
  signIn(attempt: SignInAttempt): Promise<SignIn>
  engine: Middleware
  session: { accountId: string } | undefined
  consents: RememberedConsent[]
  database: boolean
  signingKey: boolean
  clock: boolean
  primary: boolean
  notifications: boolean
  revocations: boolean
  draining: boolean
  keys: { publicJwks: { keys: object[] }; maxAgeSeconds: number }
  /** Throws in place of the interactions' answers. */
  failure: Error | undefined
  calls: unknown[][]
  lines: AnsweredRequest[]
  logged: [fields: object, sentence: string][]
  pages: OidcPages
  send(path: string, options?: SendOptions): Promise<Reply>
  post(path: string, fields: Record<string, string>, options?: SendOptions): Promise<Reply>
  close(): Promise<void>
}

export interface SendOptions {
  method?: string
  headers?: Record<string, string | string[]>
  body?: string | Buffer
  /** Chunks in place of a body of known length. */
  chunks?: string[]
}

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  text: string
  document: HTMLElement
  heading: string
}

export interface StageOptions {
  issuer?: string
  trustedProxies?: string[]
  deploymentName?: string
  production?: boolean
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const server: Server = createServer(serverSettings)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const issuer = options.issuer ?? `http://localhost:${port}`
  const { deploymentName = 'Claviger', production = true } = options
  const key = Buffer.alloc(32, 7)
  const pages = createPages({ issuer, deploymentName, production }, { key, now: () => new Date() })
  const host = new URL(issuer).host
  const stage: Stage = {
    url: issuer,
    port,
    lookup: live(),
    signIn: async ({ login, password }) =>
      password === 'right' && login.startsWith('ada')
        ? { outcome: 'signed-in', account: ada, amr: ['pwd'], acr: 'urn:claviger:acr:password' }
        : password === 'right' && login.startsWith('ben')
          ? { outcome: 'signed-in', account: ben, amr: ['pwd'], acr: 'urn:claviger:acr:password' }
          : { outcome: 'rejected' },
    engine: (_ctx, next) => next(),
    session: undefined,
    consents: [],
    database: true,
    signingKey: true,
    clock: true,
    primary: true,
    notifications: true,
    revocations: true,
    draining: false,
    keys: { publicJwks: { keys: [{ kty: 'EC', kid: 'k1', alg: 'ES256', use: 'sig' }] }, maxAgeSeconds: 300 },
    failure: undefined,
    calls: [],
    lines: [],
    logged: [],
    pages: createOidcPages(pages),
    send: (path, given = {}) => send(port, host, path, given),
    post: (path, fields, given = {}) =>
      send(port, host, path, {
        method: 'POST',
        body: new URLSearchParams(fields).toString(),
        ...given,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'text/html',
          origin: new URL(issuer).origin,
          'sec-fetch-site': 'same-origin',
          ...given.headers,
        },
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const health = {
    isDraining: () => stage.draining,
    check: async () => ({
      database: stage.database,
      signingKey: stage.signingKey,
      clock: stage.clock,
      primary: stage.primary,
      notifications: stage.notifications,
      revocations: stage.revocations,
    }),
  }
  const metrics = { route: () => ({ answered: () => {} }) }
  const web = createWeb({
    config: { trustedProxies: options.trustedProxies ?? [] },
    pages,
    oidc: { handle: (ctx, next) => stage.engine(ctx, next) },
    interactions: interactionsOf(stage),
    signIn: (attempt) => stage.signIn(attempt),
    clients: { find: async (id) => (id === app.id ? ({ id, name: app.name } as Client) : undefined) },
    consents: {
      list: async () => stage.consents,
      withdraw: async (accountId, clientId) => {
        stage.calls.push(['withdraw', accountId, clientId])
        const before = stage.consents.length
        stage.consents = stage.consents.filter((consent) => consent.clientId !== clientId)
        return stage.consents.length < before
      },
    },
    events: {
      consentGranted: (about) => stage.calls.push(['consentGranted', about]),
      consentDenied: (about) => stage.calls.push(['consentDenied', about]),
      consentWithdrawn: (about) => stage.calls.push(['consentWithdrawn', about]),
    },
    accounts: { find: async (id) => [ada, ben].find((one) => one.id === id) },
    knownBrowsers: { maxAgeSeconds: 1000, issue: (id, cookie = '') => `${id}-known${cookie ? `~${cookie}` : ''}` },
    currentSession: async () => stage.session,
    corsOrigins: { isRegistered: (origin) => origin === 'https://photos.example' },
    health,
    log: {
      info: (fields, sentence) => stage.logged.push([fields, sentence]),
      error: (fields, sentence) => stage.logged.push([fields, sentence]),
    },
    accessLog: (line) => stage.lines.push(line),
    metrics,
    cookieKeys: ['a cookie key of at least some length'],
    formKey: key,
    now: () => new Date(),
  })
  const discovery = { issuer, jwks_uri: `${issuer}/jwks` }
  const documents = createDocuments({ keys: () => stage.keys, discovery: () => discovery })
  server.on('request', createListener(web, { pages, documents, health, metrics }))
  return stage
}

function interactionsOf(stage: Stage): Interactions {
  const answer =
    (location: string) =>
    async (_ctx: unknown, ...rest: unknown[]) => {
      stage.calls.push([location, ...rest])
      if (stage.failure) throw stage.failure
      return `${stage.url}/auth/${uid}?${location}`
    }
  return {
    read: async () => (typeof stage.lookup === 'function' ? stage.lookup() : stage.lookup),
    csrfToken: () => csrf,
    isCsrfToken: (_ctx, of, token) => of === uid && token === csrf,
    finishLogin: answer('finishLogin'),
    continueSession: answer('continueSession'),
    finishConsent: answer('finishConsent'),
    deny: answer('deny'),
  }
}

function send(
  port: number,
  host: string,
  path: string,
  { method = 'GET', headers = {}, body, chunks }: SendOptions,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const given = { host, accept: 'text/html', ...headers }
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const sent = request(
      { port, host: '127.0.0.1', method, path, headers: { ...length, ...given }, setHost: false },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part)).once('error', reject)
        response.once('end', () => {
          const text = Buffer.concat(parts).toString('utf8')
          const document = parse(text)
          const heading = document.querySelector('h1')?.textContent.trim() ?? ''
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, document, heading })
        })
      },
    )
    sent.once('error', reject)
    for (const chunk of chunks ?? []) sent.write(chunk)
    sent.end(body)
  })
}
