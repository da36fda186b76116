/**
 * web is everything around the engine in HTTP, and everything a person sees:
 * the gate and the fast lane (`listener.ts`), limits and headers, sign-in and
 * consent pages over `oidc/interactions.ts`, the pages that the engine asks for
 * (`oidc-pages.ts`), and the one mapper from what went wrong to an answer
 * (`failure-page.ts`). The protocol itself is `oidc`'s; what proves a person is
 * `credentials`'.
 *
 * A roof calls `createPages` and `createOidcPages` before it builds the engine,
 * then `createWeb`, then `createListener`, and serves that with `serverSettings`.
 */
import Koa, { type Context, type Middleware } from 'koa'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Config } from '../config/config.ts'
import type { SignIn, SignInAttempt } from '../credentials/sign-in.ts'
import type { AccessLog } from '../events/access-log.ts'
import type { Log } from '../events/log.ts'
import type { RouteMeter } from '../events/metrics.ts'
import type { Interactions } from '../oidc/interactions.ts'
import { type AccountRoutesNeeds, accountRoutes } from './account-routes.ts'
import { type FeedRoutesNeeds, feedRoutes } from './feed/feed-routes.ts'
import { type GlobalRevocationNeeds, globalRevocationRoute } from './global-revocation.ts'
import type { Health } from './health.ts'
import type { InteractionNeeds } from './interaction-needs.ts'
import { interactionRoutes } from './interaction-routes.ts'
import { followIssuer } from './issuer-request.ts'
import { observe } from './observe.ts'
import type { Pages } from './pages.ts'
import { createProofTickets } from './proof-ticket.ts'
import { type Routes, routing } from './routes.ts'
import { languageRoute } from './shown-again.ts'
import { type SignalRoutesNeeds, signalMethods, signalRoutes } from './signals/signal-routes.ts'
import { createSourceOf } from './source-address.ts'
import { type StatusListRoutesNeeds, statusListRoutes } from './status-list-routes.ts'
import { startTogether } from './together.ts'

export interface WebNeeds {
  config: Pick<Config, 'trustedProxies'>
  pages: Pages
  /** The engine: answers every path that is not ours. */
  oidc: { handle: Middleware }
  interactions: Interactions
  signIn(attempt: SignInAttempt): Promise<SignIn>
  accounts: Pick<AccountStore, 'find'>
  clients: AccountRoutesNeeds['clients']
  consents: AccountRoutesNeeds['consents']
  events: InteractionNeeds['events']
  knownBrowsers: InteractionNeeds['knownBrowsers']
  /** Who is signed in in this browser; for the person's own pages. */
  currentSession(ctx: Context): Promise<{ accountId: string } | undefined>
  corsOrigins: { isRegistered(origin: string): boolean | Promise<boolean> }
  health: Health
  log: Pick<Log, 'info' | 'error'>
  accessLog: AccessLog
  metrics: { route(name: string): RouteMeter }
  /** The engine's, newest first. */
  cookieKeys: readonly string[]
  /** Signs what forms carry from one page to the next; at least 32 bytes, the same on every node. */
  formKey: Uint8Array
  now(): Date
  /** Absent: no feed is served here. */
  revocationFeed?: FeedRoutesNeeds
  /** Absent: no status lists either. */
  statusLists?: StatusListRoutesNeeds | undefined
  /** Absent: no events are transmitted here. */
  signals?: SignalRoutesNeeds
  /** Absent: nobody is signed out from outside. */
  globalRevocation?: GlobalRevocationNeeds
}

export function createWeb(needs: WebNeeds): Koa {
  const { pages, config } = needs
  const app = new Koa({ keys: [...needs.cookieKeys] })
  followIssuer(app, pages.place)
  app.use(observe({ ...needs, sourceOf: createSourceOf(config.trustedProxies) }))
  app.use(startTogether())
  app.use(routing(ownRoutes(needs), pages.place, needs.oidc.handle))
  // Only what breaks while an answer is being written ends here: a connection that went away.
  app.on('error', (error: unknown, ctx?: Context) =>
    needs.log.info({ error, requestId: ctx?.state.requestId }, 'answer cut short'),
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
