/**
 * Gives Claviger's clients to the engine. The engine would load, hash and validate a client's metadata on every
 * request. Here it gets the same built client until an administrator changes something.
 */
import Provider, { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Client } from '../../clients/client.ts'
import { isStrict } from '../../clients/client-profile.ts'
import { isClientSecret } from '../../clients/client-secret.ts'
import { engineMetadata } from '../../clients/engine-metadata.ts'
import { isResponseModeAllowed } from '../../clients/preset-rules.ts'
import { isPostLogoutRedirectUriAllowed, isRedirectUriAllowed } from '../../clients/redirect-rules.ts'
import type { ClientDirectory } from '../client-directory.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'
import { noteRequestedScope } from '../tokens/granted-scope.ts'
import { withRemedy } from './remedy.ts'

/** The engine's client with Claviger's record attached. The engine's types allow further members on the instance. */
export type EngineClient = InstanceType<Provider['Client']> & { readonly record: Client }

/** Replaces `Client.find`. Requests that started before a change keep the client they found. */
export function serveClients(provider: Provider, directory: ClientDirectory): void {
  const built = new WeakMap<Client, EngineClient>()

  async function find(id: unknown): Promise<EngineClient | undefined> {
    if (typeof id !== 'string' || id === '') return undefined
    const record = await UnitOfWork.asking(() => directory.find(id))
    if (!record) return undefined
    const existing = built.get(record)
    if (existing) return existing
    const client = build(provider, record)
    built.set(record, client)
    return client
  }

  Object.defineProperty(provider.Client, 'find', { value: find })
}

function build(provider: Provider, record: Client): EngineClient {
  const EngineClientModel = provider.Client as unknown as new (metadata: Record<string, unknown>) => EngineClient
  const client = new EngineClientModel(engineMetadata(record))
  Object.defineProperties(client, {
    record: { value: record },
    // Only a digest of the secret is stored, so the engine cannot compare secrets itself.
    compareClientSecret: {
      value: (presented: unknown) => isAuthenticated(record, presented),
    },
    // `logout/` sends back-channel logout tokens with this `sid`. The engine gets no logout URI, because it would make
    // the person wait.
    includeSid: { value: () => record.backchannelLogoutUri !== undefined },
    // The engine calls this for each authorization request once all parameters are known, pushed ones included.
    responseModeAllowed: {
      value: (mode: unknown) => {
        if (Provider.ctx) noteRequestedScope(Provider.ctx)
        return isResponseModeAllowed(record, mode)
      },
    },
    redirectUriAllowed: { value: (uri: unknown) => isRedirectUriAllowed(record, uri) },
    postLogoutRedirectUriAllowed: { value: (uri: unknown) => isPostLogoutRedirectUriAllowed(record, uri) },
  })
  return client
}

/**
 * Compares the decoded secret and, with HTTP Basic, the text as it was sent.
 * @throws InvalidClientAuth for the right secret by the wrong method; only the log shows the difference
 */
function isAuthenticated(record: Client, presented: unknown): boolean {
  const candidates = [presented, Provider.ctx?.state.rawBasicSecret]
  if (candidates.filter((secret) => isClientSecret(record, secret)).length === 0) return false
  const [registered, used] = [record.tokenEndpointAuthMethod, presentedBy()]
  if (registered === 'client_secret' || registered === used) return true
  throw withRemedy(
    new errors.InvalidClientAuth(
      `the secret is right, but it came by ${used}, and the client may use ${registered} only`,
    ),
    isStrict(record)
      ? `Have the app use ${registered}. The profile strict of this client needs one method.`
      : `Have the app use ${registered}, or run: claviger clients set ${record.id} --token-endpoint-auth-method client_secret`,
  )
}

/**
 * How this request carries the secret. The engine accepts a header in place of a form field, and a form field in place
 * of a header.
 */
const presentedBy = () =>
  Provider.ctx?.headers.authorization === undefined ? 'client_secret_post' : 'client_secret_basic'

/**
 * The record behind an engine client. @throws InvalidClient when the client was not built here, which would be a bug
 */
export function recordOf(client: unknown): Client {
  const { record } = client as Partial<EngineClient>
  if (!record) throw new errors.InvalidClient('client is invalid', 'not a client of this directory')
  return record
}

/** The engine sends an error by the requested response mode. A mode that the client may not use falls back to `query`. */
export function sendErrorsByAllowedMode(provider: Provider): void {
  const useQuery = (ctx: KoaContextWithOIDC) => {
    const { client, params, responseMode } = ctx.oidc
    if (client && params && !isResponseModeAllowed(recordOf(client), responseMode)) params.response_mode = 'query'
  }
  provider.on('authorization.error', useQuery)
  provider.on('server_error', useQuery)
}
