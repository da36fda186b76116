/**
 * The web room holds the HTTP code around the engine and the pages that people see.
 *
 * - `server/listener.ts`: checks every request and serves cached documents
 * - `server/observe.ts`: request ids, limits, headers, the access log
 * - `sign-in/`: sign-in and consent pages over `oidc/interactions/interactions.ts`
 * - `pages/oidc-pages.ts`: the pages that the engine requests
 * - `routing/failure-page.ts`: maps every thrown error to an answer
 *
 * The room `oidc` holds the protocol. The room `credentials` authenticates people.
 *
 * A server calls `createPages` and `createOidcPages` before it builds the engine.
 * It then calls `createWeb` and `createListener`, and serves the listener with `serverSettings`.
 */
import Koa, { type Context, type Middleware } from 'koa'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Config } from '../config/config.ts'
import type { SignIn, SignInAttempt } from '../credentials/sign-in.ts'
import type { AccessLog } from '../events/access-log.ts'
import type { Log } from '../events/log.ts'
import type { RouteMeter } from '../events/metrics.ts'
import type { Interactions } from '../oidc/interactions/interactions.ts'
import { type AccountRoutesNeeds, accountRoutes } from './account/account-routes.ts'
import { followIssuer } from './bodies/issuer-request.ts'
import { type FeedRoutesNeeds, feedRoutes } from './feed/feed-routes.ts'
import { type StatusListRoutesNeeds, statusListRoutes } from './feed/status-list-routes.ts'
import type { Pages } from './pages/pages.ts'
import { languageRoute } from './pages/shown-again.ts'
import { type Routes, routing } from './routing/routes.ts'
import { startInBatches } from './server/batch-start.ts'
import type { Health } from './server/health.ts'
import { observe } from './server/observe.ts'
import { createSourceOf } from './server/source-address.ts'
import type { InteractionNeeds } from './sign-in/interaction-needs.ts'
import { interactionRoutes } from './sign-in/interaction-routes.ts'
import { createProofTickets } from './sign-in/proof-ticket.ts'
import { type GlobalRevocationNeeds, globalRevocationRoute } from './signals/global-revocation.ts'
import { type SignalRoutesNeeds, signalMethods, signalRoutes } from './signals/signal-routes.ts'

export interface WebNeeds {
  config: Pick<Config, 'trustedProxies'>
  pages: Pages
  /** The engine: answers every path that `ownRoutes` does not list. */
  oidc: { handle: Middleware }
  interactions: Interactions
  signIn(attempt: SignInAttempt): Promise<SignIn>
  accounts: Pick<AccountStore, 'find'>
  clients: AccountRoutesNeeds['clients']
  consents: AccountRoutesNeeds['consents']
  events: InteractionNeeds['events']
  knownBrowsers: InteractionNeeds['knownBrowsers']
  /** The session of this browser, for the account page. */
  currentSession(ctx: Context): Promise<{ accountId: string } | undefined>
  corsOrigins: { isRegistered(origin: string): boolean | Promise<boolean> }
  health: Health
  log: Pick<Log, 'info' | 'error'>
  accessLog: AccessLog
  metrics: { route(name: string): RouteMeter }
  /** The keys that sign the engine's cookies, newest first. */
  cookieKeys: readonly string[]
  /** Signs the data that forms carry from one page to the next; at least 32 bytes, the same on every node. */
  formKey: Uint8Array
  now(): Date
  /** Absent: this server offers no revocation feed. */
  revocationFeed?: FeedRoutesNeeds
  /** Absent: this server offers no status lists. */
  statusLists?: StatusListRoutesNeeds | undefined
  /** Absent: this server transmits no security events. */
  signals?: SignalRoutesNeeds
  /** Absent: this server offers no endpoint for Global Token Revocation. */
  globalRevocation?: GlobalRevocationNeeds
}

export function createWeb(needs: WebNeeds): Koa {
  const { pages, config } = needs
  const app = new Koa({ keys: [...needs.cookieKeys] })
  followIssuer(app, pages.place)
  app.use(observe({ ...needs, sourceOf: createSourceOf(config.trustedProxies) }))
  app.use(startInBatches())
  app.use(routing(ownRoutes(needs), pages.place, needs.oidc.handle))
  // Koa reports only failures while an answer is being written, such as a closed connection.
  app.on('error', (error: unknown, ctx?: Context) =>
    needs.log.info({ error, requestId: ctx?.state.requestId }, 'connection closed before the answer was complete'),
  )
  return app
}

function ownRoutes(needs: WebNeeds): Routes {
  const { pages, formKey: key, now } = needs
  const looking = ['GET', 'HEAD']
  const tickets = createProofTickets({ key, now })
  return new Map([
    ['', { methods: looking, isLeaf: true, answer: landing(pages) }],
    ['language', { methods: [...looking, 'POST'], isLeaf: true, answer: languageRoute(pages) }],
    [
      'account',
      { methods: [...looking, 'POST'], isLeaf: false, answer: accountRoutes({ ...needs, sealing: { key, now } }) },
    ],
    ...(needs.revocationFeed
      ? [['revocations', { methods: looking, isLeaf: false, answer: feedRoutes(needs.revocationFeed) }] as const]
      : []),
    ...(needs.statusLists
      ? [['status-lists', { methods: looking, isLeaf: false, answer: statusListRoutes(needs.statusLists) }] as const]
      : []),
    ...(needs.signals
      ? [['ssf', { methods: signalMethods, isLeaf: false, answer: signalRoutes(needs.signals) }] as const]
      : []),
    ...(needs.globalRevocation
      ? [
          [
            'global-token-revocation',
            { methods: ['POST'], isLeaf: true, answer: globalRevocationRoute(needs.globalRevocation) },
          ] as const,
        ]
      : []),
    ['interaction', { methods: [...looking, 'POST'], isLeaf: false, answer: interactionRoutes({ ...needs, tickets }) }],
  ])
}

const landing =
  (pages: Pages): Middleware =>
  (ctx) =>
    pages.show(
      ctx,
      'landing',
      { discoveryUrl: `${pages.place.issuer}/.well-known/openid-configuration` },
      { languagePath: '/' },
    )
