/**
 * Shows our clients to the engine. It would load, hash and validate a client's
 * metadata on every request; we hand it the same built client until an
 * administrator changes something.
 */
import Provider, { errors } from 'oidc-provider'
import type { Client } from '../clients/client.ts'
import { isStrict } from '../clients/client-profile.ts'
import { isClientSecret } from '../clients/client-secret.ts'
import { engineMetadata } from '../clients/engine-metadata.ts'
import { isResponseModeAllowed } from '../clients/preset-rules.ts'
import { isPostLogoutRedirectUriAllowed, isRedirectUriAllowed } from '../clients/redirect-rules.ts'
import type { ClientDirectory } from './client-directory.ts'
import { noteRequestedScope } from './granted-scope.ts'
import { withRemedy } from './remedy.ts'
import { UnitOfWork } from './unit-of-work.ts'

/** The engine's client with ours attached; the engine's own types leave the instance open. */
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
    // Only a digest of the secret is kept, so the comparison is ours.
    compareClientSecret: {
      value: (presented: unknown) => isAuthenticated(record, presented),
    },
    // Its server may be told of this session later on (`logout/`); the engine, which would make a person wait, is not told where.
    includeSid: { value: () => record.backchannelLogoutUri !== undefined },
    // The engine asks this of each authorization request once it has all its parameters, pushed ones too.
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
 * By the decoded secret or, from HTTP Basic, by the text as it came.
 * @throws InvalidClientAuth for the right secret by the wrong way; only the log tells the difference
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

/** How the present request carries the secret; the engine takes a header for a field and the other way round. */
const presentedBy = () =>
  Provider.ctx?.headers.authorization === undefined ? 'client_secret_post' : 'client_secret_basic'

/** The record behind an engine client. @throws when it is none of ours, which would be a bug */
export function recordOf(client: unknown): Client {
  const { record } = client as Partial<EngineClient>
  if (!record) throw new errors.InvalidClient('client is invalid', 'not a client of this directory')
  return record
}
