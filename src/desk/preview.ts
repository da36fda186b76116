/**
 * Previews the exact tokens that an app gets for a person. Runs a complete sign-in through the engine with the stored
 * client, person and APIs, in a transaction that is rolled back. The keys are discarded, so no service accepts the tokens.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Account } from '../accounts/account.ts'
import type { DeskPreview, Preview } from '../cli/desk.ts'
import type { Client } from '../clients/client.ts'
import { passwordAcr } from '../credentials/credentials.ts'
import type { Deployment } from '../deployment/deployment.ts'
import { newKeyPair } from '../keyring/cycle/key-material.ts'
import type { KeySet } from '../keyring/live/key-set.ts'
import { signingWith } from '../keyring/live/local-signing.ts'
import { createOidc } from '../oidc/oidc.ts'
import type { OidcEvents, OidcNeeds } from '../oidc/oidc-needs.ts'
import { PostgresApiStore } from '../storage/apps/api-store.ts'
import type { Database, Queryable } from '../storage/connection/database.ts'
import { PostgresAccountStore } from '../storage/people/account-store.ts'
import { PostgresModelStore } from '../storage/protocol/model-store.ts'
import { placeOf } from '../web/routing/place.ts'
import { type RehearsedAnswer, refusal, rehearsal, type Visitor } from '../web/server/rehearsal.ts'

type Parameters = Record<string, string>

export function openDeskPreview({ config, db }: Pick<Deployment, 'config' | 'db'>): DeskPreview {
  return async (client, account, scope) => {
    let preview: Preview | undefined
    const rolledBack = new Error('a preview is always rolled back')
    await db
      .transaction(async (tx) => {
        preview = await rehearsed(config, within(tx), client, account, scope)
        throw rolledBack
      })
      .catch((reason: unknown) => {
        if (preview === undefined) throw reason
      })
    if (preview === undefined) throw rolledBack
    return preview
  }
}

/** One transaction as the only connection there is. */
const within = (tx: Queryable): Database => ({
  query: (statement, values) => tx.query(statement, values),
  lookUp: (statement) => tx.query(statement),
  transaction: (work) => work(tx),
  load: { total: 1, idle: 0, waiting: 0 },
  cut() {},
  close: async () => {},
})

async function rehearsed(
  config: Deployment['config'],
  db: Database,
  client: Client,
  account: Account,
  scope: string,
): Promise<Preview> {
  const cookieKeys = [randomBytes(32).toString('base64url')]
  const oidc = await createOidc(
    needsOf(config, db, bare(client), cookieKeys),
    await temporaryKeys(config.signingAlgorithms),
  )
  const login = { accountId: account.id, amr: ['pwd'], acr: passwordAcr }
  const visit = rehearsal({ place: placeOf(config.issuer), oidc, cookieKeys, login })
  return signIn(visit, config.issuer, client, scope)
}

/** Removes client authentication and request settings, because they do not change the content of tokens. */
const bare = (client: Client): Client => ({
  ...client,
  tokenEndpointAuthMethod: 'none',
  secretDigest: undefined,
  jwks: undefined,
  jwksUri: undefined,
  requirePar: false,
  profile: 'standard',
  pkce: 'required',
  dpopBound: false,
  refreshDelivery: 'body',
})

async function temporaryKeys(algorithms: Deployment['config']['signingAlgorithms']): Promise<KeySet> {
  const pairs = await Promise.all(algorithms.map(async (alg) => ({ alg, ...(await newKeyPair(alg)) })))
  return {
    version: 'preview',
    signers: pairs.map(({ kid, alg, publicJwk, privateJwk }) => ({
      kid,
      alg,
      publicJwk,
      sign: signingWith(privateJwk, alg),
    })),
    standbys: [],
    publicJwks: { keys: pairs.map(({ publicJwk }) => publicJwk) },
    maxAgeSeconds: 0,
    algorithms,
  }
}

function needsOf(config: Deployment['config'], db: Database, client: Client, cookieKeys: string[]): OidcNeeds {
  const apis = new PostgresApiStore(db)
  const fail = async (_ctx: unknown, fault?: unknown) => {
    throw new Error(`the engine shows a page instead of answering: ${JSON.stringify(fault)}`)
  }
  return {
    config,
    models: new PostgresModelStore(db),
    accounts: new PostgresAccountStore(db),
    directory: {
      find: async (id) => (id === client.id ? client : undefined),
      findApi: (audience) => apis.find(audience),
      version: 0,
      drop() {},
    },
    consents: { find: async () => undefined },
    origins: { receiveCookies: async () => false },
    pages: {
      error: fail,
      logout: fail,
      signedOut: fail,
      deviceCode: fail,
      deviceDone: fail,
      deviceStopped: fail,
      formPost: fail,
    },
    // A preview records no events.
    events: new Proxy({} as OidcEvents, { get: () => () => {} }),
    cookieKeys: () => cookieKeys,
    secrets: { dpopNonce: randomBytes(32), csrf: randomBytes(32) },
    locales: [],
    acrValues: [passwordAcr],
    issueSecond: async () => Math.floor(Date.now() / 1000),
    fetch: () => Promise.reject(new Error('a preview sends no requests')),
    assertMayIssue() {},
    canaryAnswered() {},
    furtherMetadata: () => ({}),
  }
}

async function signIn(visit: Visitor, issuer: string, client: Client, scope: string): Promise<Preview> {
  const { id: client_id, redirectUris } = client
  const redirect_uri = redirectUris[0] ?? ''
  const verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(verifier).digest('base64url')
  const request = {
    client_id,
    redirect_uri,
    scope,
    response_type: 'code',
    code_challenge,
    code_challenge_method: 'S256',
  }
  const code = await codeFor(visit, issuer, redirect_uri, request)
  const tokens = readJson(
    await visit('/token', {
      form: { grant_type: 'authorization_code', client_id, code, redirect_uri, code_verifier: verifier },
    }),
  )
  const { id_token: idToken, access_token: accessToken } = tokens as Parameters
  // The userinfo endpoint refuses a token for an API.
  const isForApi = accessToken?.startsWith('eyJ')
  const userinfo = isForApi ? undefined : readJson(await visit('/me', { bearer: accessToken ?? '' }))
  return { scope: String(tokens['scope'] ?? ''), idToken: idToken ?? '', accessToken: accessToken ?? '', userinfo }
}

/** Follows the engine's redirects until one leads to the app. */
async function codeFor(visit: Visitor, issuer: string, app: string, request: Parameters): Promise<string> {
  let path = `/auth?${new URLSearchParams(request)}`
  for (let steps = 0; steps < 10; steps += 1) {
    const answer = await visit(path)
    const { location } = answer
    if (location === undefined) throw refusal(answer)
    if (location.startsWith(app)) {
      const code = new URL(location).searchParams.get('code')
      if (code === null) throw refusal({ ...answer, text: location })
      return code
    }
    path = location.startsWith(issuer) ? location.slice(issuer.length) : location
  }
  throw new Error('the sign-in did not finish within 10 redirects')
}

function readJson(answer: RehearsedAnswer): Record<string, unknown> {
  if (answer.status !== 200) throw refusal(answer)
  return JSON.parse(answer.text) as Record<string, unknown>
}
