/** Shared signals on one node: event streams for receivers, and the endpoint by which a security tool signs people out. */
import { hkdfSync } from 'node:crypto'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Deployment } from '../deployment/deployment.ts'
import type { Events } from '../events/create-events.ts'
import { openText, sealText } from '../keyring/vaults/sealed-text.ts'
import type { ClientDirectory } from '../oidc/client-directory.ts'
import { ownAccess } from '../oidc/tokens/own-access.ts'
import { globalRevocation, globalRevocationOf, sharedSignals } from '../oidc/tokens/own-resources.ts'
import type { GuardedFetch } from '../outbound/outbound.ts'
import { signalsOf, transmitterMetadata } from '../signals/metadata.ts'
import { poll } from '../signals/poll.ts'
import type { TokenSigner } from '../signals/security-event-token.ts'
import { StreamDesk } from '../signals/stream-desk.ts'
import { accountOf } from '../signals/subject-key.ts'
import { Transmitter } from '../signals/transmitter.ts'
import { openDatabase } from '../storage/connection/database.ts'
import type { HeaderSeal } from '../storage/signals/event-stream-row.ts'
import { PostgresStreamJournal } from '../storage/signals/stream-journal.ts'
import { PostgresStreamStore } from '../storage/signals/stream-store.ts'
import type { GlobalRevocationNeeds } from '../web/signals/global-revocation.ts'
import type { SignalRoutesNeeds } from '../web/signals/signal-routes.ts'
import type { NodeKeys } from './keys.ts'
import type { NodeRevocations } from './revocations.ts'

export interface NodeSignalsNeeds {
  deployment: Deployment
  keys: NodeKeys
  revocations: NodeRevocations
  accounts: AccountStore
  directory: ClientDirectory
  events: Pick<Events, 'record'>
  fetch: GuardedFetch
  trouble(what: string): (error: unknown) => void
}

export async function openSignals(needs: NodeSignalsNeeds) {
  const { deployment, keys, revocations, accounts, directory, events, trouble } = needs
  const { issuer } = deployment.config
  // Separate connections, so that slow receivers do not delay requests of people.
  const db = openDatabase({
    url: deployment.database.url,
    poolSize: 2,
    applicationName: 'claviger signals',
    onConnectionLost: trouble('A database connection of the event streams was lost; reconnecting'),
    primary: deployment.primary,
  })
  const seal = headerSeal(await keys.secrets.secret('event-streams'))
  const store = new PostgresStreamStore(db, seal)
  const journal = new PostgresStreamJournal(db, seal)
  const signer = () => signerOf(keys)
  const transmitter = await Transmitter.start({
    issuer,
    journal,
    streams: store,
    signer,
    fetch: needs.fetch,
    now: () => new Date(),
    random: Math.random,
    onTrouble: trouble('Event streams could not be delivered; retrying'),
  })
  const stopListening = revocations.live.onChange(() => transmitter.look())

  const subjects = { issuer, findByEmail: (email: string) => accounts.findByLogin(email) }
  const accessNeeds = {
    issuer,
    directory,
    keys: () => keys.live.current(),
    isRevoked: revocations.live.voids.bind(revocations.live),
  }
  const desk = new StreamDesk({
    ...subjects,
    store,
    base: signalsOf(issuer),
    record: ({ kind, clientId, ...detail }) =>
      events.record({ kind: `stream.${kind}`, actor: `client:${clientId}`, clientId, detail }),
  })
  const routes: SignalRoutesNeeds = {
    desk,
    access: (authorization, anyOf) => ownAccess(authorization, sharedSignals(issuer), anyOf, accessNeeds),
    poll: (streamId, request, signal) =>
      poll(
        streamId,
        request,
        { issuer, journal, signer, head: () => transmitter.head, news: transmitter.news.bind(transmitter) },
        signal,
      ),
  }
  const outside: GlobalRevocationNeeds = {
    access: (authorization) => {
      const resource = globalRevocation(issuer)
      return ownAccess(authorization, resource, resource.scopes, accessNeeds)
    },
    async signOut(subject, { clientId, requestId }) {
      const id = await accountOf(subject, subjects)
      const account = id === undefined ? undefined : await accounts.find(id)
      if (!account) return false
      const actor = `client:${clientId}`
      const ended = await accounts.signOut(account.id, { cause: 'account.revoked-globally', actor })
      revocations.revoked()
      const detail = { ...ended, by: 'global token revocation' }
      events.record({
        kind: 'account.signed-out',
        actor,
        accountId: account.id,
        clientId,
        requestId,
        detail,
      })
      return true
    },
  }
  return {
    routes,
    globalRevocation: outside,
    document: transmitterMetadata(issuer),
    metadata: {
      global_token_revocation_endpoint: globalRevocationOf(issuer),
      global_token_revocation_endpoint_auth_methods_supported: ['Bearer'],
    },
    clear: () => transmitter.clear(),
    /** For metrics. */
    lag: () => journal.lag(),
    /** Answers waiting polls and ends pushes. */
    stop: () => transmitter.stop(),
    async close() {
      stopListening()
      await transmitter.stop()
      await db.close()
    },
  }
}

/** The RS256 signer. The CAEP Interoperability Profile requires RS256, and every deployment has such a key. */
function signerOf(keys: NodeKeys): TokenSigner {
  const signer = keys.live.current().signers.find(({ alg }) => alg === 'RS256')
  if (!signer) throw new Error('there is no RS256 key to sign security events with')
  return signer
}

function headerSeal(secret: Uint8Array): HeaderSeal {
  const keyOf = (streamId: string) => new Uint8Array(hkdfSync('sha256', secret, '', `event stream ${streamId}`, 32))
  return {
    seal: (streamId, text) => sealText(keyOf(streamId), text),
    open: (streamId, sealed) => openText(keyOf(streamId), sealed),
  }
}
