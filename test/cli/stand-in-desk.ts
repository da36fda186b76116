/** A desk in memory, with the part of each store that commands need. */
import { UnsecuredJWT } from 'jose'
import type { Account } from '../../src/accounts/account.ts'
import type { AccountStore, Ended } from '../../src/accounts/account-store.ts'
import { normaliseLogin } from '../../src/accounts/login.ts'
import type { Desk, DeskKeyring, DeskPreview, NodesHeard, SessionRow, StreamRow } from '../../src/cli/desk.ts'
import type { Api, Client } from '../../src/clients/client.ts'
import type { ApiStore, ClientStore } from '../../src/clients/client-store.ts'
import type { Config } from '../../src/config/config.ts'
import { importPeople } from '../../src/credentials/people-import.ts'
import { Failure } from '../../src/errors/failure.ts'
import type { AuditLog, RecordedEntry } from '../../src/events/events.ts'
import type { KeyChange } from '../../src/keyring/cycle/change-keys.ts'
import type { KeyRow } from '../../src/keyring/cycle/key-row.ts'
import type { CanaryKey } from '../../src/keyring/readiness/canary.ts'
import { memoryPeopleImport } from './memory-people-import.ts'

export const now = new Date('2026-03-01T12:00:00Z')
const day = 86_400_000
const daysAgo = (days: number): Date => new Date(now.getTime() - days * day)

const ended: Ended = { sessions: 1, grants: 1, refreshTokens: 2 }

/** A connection without a pooler. */
export const straight = {
  isPooled: false,
  keepsSession: true,
  keepsStatements: true,
  keepsTransactions: true,
  isUnlimited: false,
  target: '5@2026-03-01',
}

export class StandInDesk implements Desk {
  config = {
    issuer: 'http://localhost:9400',
    accessTokenSeconds: 600,
    eventRetentionSeconds: 400 * 86_400,
    clientProfile: 'standard',
    databasePoolSize: 10,
    workers: 1,
  } as Config
  closed = 0
  readonly people = new Map<string, Account>()
  readonly hashes = new Map<string, string>()
  readonly importedFrom = new Map<string, string>()
  readonly entries: RecordedEntry[] = []
  readonly #clients = new Map<string, Client>()
  readonly #former: { id: string; email: string | undefined; name: string | undefined }[] = []
  readonly #apis = new Map<string, Api>()
  #sessions: SessionRow[] = []
  #streams: StreamRow[] = [
    {
      id: 'stream-1',
      clientId: 'siem',
      delivery: { method: 'push', endpointUrl: 'https://siem.example.org/events', authorization: undefined },
      eventsRequested: undefined,
      description: 'Incidents',
      status: 'paused',
      statusReason: 'The receiver has not accepted anything',
      cursor: 4,
      acked: [],
      failures: 12,
      failingSince: daysAgo(2),
      nextTryAt: new Date(now.getTime() + 120_000),
      lastError: 'it answers 503',
      lastErrorAt: daysAgo(1),
      createdAt: daysAgo(3),
      waiting: 7,
      hasMore: false,
      waitingSince: daysAgo(2),
    },
  ]

  constructor({ sessionOf }: { sessionOf?: string } = {}) {
    if (sessionOf) this.#sessions = [sessionRow(sessionOf)]
  }

  readonly preview: DeskPreview = async ({ id }, account, scope) => ({
    scope,
    idToken: new UnsecuredJWT({ aud: id, sub: account.id, email: account.email }).encode(),
    accessToken: 'opaque',
    userinfo: { sub: account.id, email: account.email },
  })

  readonly accounts: AccountStore = {
    find: async (id) => this.people.get(id),
    findByLogin: async (login) =>
      [...this.people.values()].find(({ email }) => normaliseLogin(email) === normaliseLogin(login)),
    list: async ({ limit, search = '' }) =>
      [...this.people.values()].filter(({ email, name = '' }) => `${email} ${name}`.includes(search)).slice(0, limit),
    insert: async (input) => {
      if (await this.accounts.findByLogin(input.email)) {
        throw new Failure('account_exists', 'conflict', `There is a person ${input.email} already.`)
      }
      const times = { disabledAt: undefined, createdAt: now, updatedAt: now }
      const account: Account = {
        emailVerified: false,
        claims: {},
        isAdmin: false,
        ...input,
        name: input.name,
        ...times,
      }
      this.people.set(account.id, account)
      // Every added person has a session, so that commands can end one.
      this.#sessions.push(sessionRow(account.id))
      return account
    },
    update: async (id, given) => {
      const before = this.people.get(id) as Account
      const changes = typeof given === 'function' ? given(before) : given
      const isMoved = changes.email !== undefined && normaliseLogin(changes.email) !== normaliseLogin(before.email)
      if (isMoved && (await this.accounts.findByLogin(changes.email ?? '')))
        throw new Failure('account_exists', 'conflict', 'Another account signs in with this email already.')
      const { name = before.name, username = before.username, ...rest } = changes
      this.#keepName(id)
      const names = { name: name ?? undefined, username: username ?? undefined }
      return this.#put(id, { ...(isMoved ? { emailVerified: false } : {}), ...rest, ...names })
    },
    disable: async (id) => {
      this.#put(id, { disabledAt: now })
      return this.#end(id)
    },
    enable: async (id) => this.#put(id, { disabledAt: undefined }),
    signOut: async (id) => this.#end(id),
    remove: async (id) => {
      this.#keepName(id)
      this.people.delete(id)
      return this.#end(id)
    },
    hasAdmin: async () => [...this.people.values()].some(({ isAdmin }) => isAdmin),
  }

  readonly passwords: Desk['passwords'] = {
    hash: async (password) => `$plain$${password}`,
    set: async (id, hash) => {
      this.hashes.set(id, hash)
      return ended
    },
  }

  readonly imports: Desk['imports'] = {
    people: (lines, options) =>
      importPeople(
        {
          store: memoryPeopleImport(this),
          hasher: { keep: async ({ origin }) => `kept ${origin}`, canVerify: async () => true },
          record: (entry) => this.audit.write(entry),
          flush: () => this.audit.flush(),
        },
        lines,
        options,
      ),
  }

  readonly attempts: Desk['attempts'] = { forget: async () => undefined }

  readonly clients: ClientStore = {
    find: async (id) => this.#clients.get(id),
    list: async () => [...this.#clients.values()],
    insert: async (input) => {
      if (this.#clients.has(input.id))
        throw new Failure('client_exists', 'conflict', `There is a client ${input.id} already.`)
      this.#refuseUnknownApis(input.apis)
      const client: Client = { ...input, createdAt: now, updatedAt: now }
      this.#clients.set(client.id, client)
      return client
    },
    update: async (id, changes) => {
      const client = { ...(this.#clients.get(id) as Client), ...changes }
      this.#refuseUnknownApis(client.apis)
      this.#clients.set(id, client)
      return client
    },
    rotateSecret: async (id, digest, overlapSeconds) => {
      const before = this.#clients.get(id) as Client
      const previousSecret =
        before.secretDigest && overlapSeconds > 0
          ? { digest: before.secretDigest, until: new Date(now.getTime() + overlapSeconds * 1000) }
          : undefined
      const client = { ...before, secretDigest: digest, secretRotatedAt: now, previousSecret }
      this.#clients.set(id, client)
      return client
    },
    remove: async (id) => {
      this.#former.push({ id, email: undefined, name: this.#clients.get(id)?.name })
      this.#clients.delete(id)
      return { grants: 3, refreshTokens: 1 }
    },
  }

  readonly apis: ApiStore = {
    find: async (audience) => this.#apis.get(audience),
    list: async () => [...this.#apis.values()],
    insert: async (input) => {
      if (this.#apis.has(input.audience))
        throw new Failure('api_exists', 'conflict', `The API "${input.audience}" already exists.`)
      const api: Api = { ...input, createdAt: now }
      this.#apis.set(api.audience, api)
      return api
    },
    update: async (audience, change) => {
      const before = this.#apis.get(audience)
      if (!before) throw new Failure('api_missing', 'missing', `There is no API "${audience}".`)
      const api: Api = { ...before, ...change(before) }
      this.#apis.set(audience, api)
      return api
    },
    remove: async (audience) => {
      const users = [...this.#clients.values()].filter(({ apis }) => apis.includes(audience)).map(({ id }) => id)
      if (users.length > 0) {
        throw new Failure(
          'api_in_use',
          'conflict',
          `Clients are still registered for "${audience}": ${users.join(', ')}. Remove the API from these clients first.`,
        )
      }
      this.#apis.delete(audience)
    },
  }

  readonly sessions: Desk['sessions'] = {
    list: async (accountId) => this.#sessions.filter((session) => session.accountId === accountId),
    listEnded: async (accountId) => endedSessions.filter((session) => session.accountId === accountId),
    find: async (id) => [...this.#sessions, ...endedSessions].find((session) => session.id === id),
    end: async (id) => {
      const before = this.#sessions.length
      this.#sessions = this.#sessions.filter((session) => session.id !== id)
      return this.#sessions.length < before
    },
  }

  readonly audit: AuditLog = {
    write: (entry) => void this.entries.push({ ...entry, id: BigInt(this.entries.length + 1), at: now }),
    flush: async () => undefined,
    list: async ({ limit, accountIds, clientId, kind, since, until, afterId, beforeId }) => {
      const chosen = this.entries.filter(
        (entry) =>
          (accountIds === undefined || accountIds.includes(entry.accountId ?? '')) &&
          (clientId === undefined || entry.clientId === clientId) &&
          (kind === undefined || entry.kind === kind) &&
          (since === undefined || entry.at >= since) &&
          (until === undefined || entry.at < until) &&
          (afterId === undefined || entry.id > afterId) &&
          (beforeId === undefined || entry.id < beforeId),
      )
      return (afterId === undefined ? chosen.toReversed() : chosen).slice(0, limit)
    },
  }

  readonly names: Desk['names'] = {
    of: async (ids) => {
      const clients = [...this.#clients.values()].map(({ id, name }) => ({ id, name, email: undefined }))
      const called = [...this.#former, ...this.people.values(), ...clients].filter(({ id }) => ids.includes(id))
      return new Map(called.map(({ id, email, name }) => [id, { email, name }]))
    },
    accountsCalled: async (named) => {
      const people = [...this.#former, ...this.people.values()].filter(
        ({ id, email }) => id === named || normaliseLogin(email ?? '') === normaliseLogin(named),
      )
      return [...new Set(people.map(({ id }) => id))]
    },
  }

  readonly revocations: Desk['revocations'] = {
    revokeToken: async () => undefined,
    revokeSession: async () => ({ ended: false }),
    revokeAll: async () => 1,
    revokeClient: async () => ({ grants: 3, refreshTokens: 1 }),
    findOpaque: async () => undefined,
    revokeOpaque: async () => undefined,
    explain: async () => [],
    isGrantAlive: async () => false,
    longestTokenSeconds: async () => 600,
  }

  readonly ledger: Desk['ledger'] = {
    history: async () => ({ ledger: 'unknown', refreshedAt: undefined }),
    knowsJti: async () => undefined,
  }
  readonly streams: Desk['streams'] = {
    list: async () => this.#streams,
    find: async (id) => this.#streams.find((stream) => stream.id === id),
    remove: async (id) => {
      this.#streams = this.#streams.filter((stream) => stream.id !== id)
      return true
    },
  }

  readonly publish = async () => undefined

  /** No transaction: each operation changes one store at its end, so one that throws has changed nothing. */
  readonly operations: Desk['operations'] = {
    stores: this.#stores(),
    transaction: async (work) => {
      const { output, entry } = await work(this.#stores())
      this.audit.write(entry)
      return output
    },
  }

  readonly keyring: DeskKeyring = standInKeyring()

  readonly secrets: Desk['secrets'] = {
    rotate: async () => ({ rows: 9, fingerprint: 'kek-2', previous: ['kek-1'] }),
    rotateCookieKey: async () => ({ signsInSeconds: 60 }),
    rotateFeedKey: async ({ dryRun }) => ({ current: 'feed-2', next: dryRun ? undefined : 'feed-3' }),
  }

  pending = ['000001-foundation']
  ahead: string[] = []
  readonly migrations: Desk['migrations'] = {
    status: async () => ({
      applied: this.pending.length > 0 ? [] : [{ name: '000001-foundation', at: daysAgo(2) }],
      pending: this.pending,
      ahead: this.ahead,
    }),
    apply: async () => this.pending.splice(0),
  }

  readonly connections: Desk['connections'] = {
    routes: async () => ({ pool: straight, direct: straight }),
    rights: async () => ({
      role: 'claviger',
      schema: 'public',
      canCreate: true,
    }),
    room: async () => ({
      maxConnections: 100,
      reserved: 3,
      roleLimit: undefined,
      databaseLimit: undefined,
      serving: 1,
    }),
  }
  /** No node runs beside a command of the tests. */
  nodes = { confirm: async (): Promise<NodesHeard> => ({ confirmed: 1, silent: [] }) }

  readonly database: Desk['database'] = {
    describe: async () => ({ version: '18.4', now: new Date(), where: './data', embedded: true }),
    refuseUnwritable: async () => {},
  }

  async close(): Promise<void> {
    this.closed += 1
  }

  #stores(): Desk['operations']['stores'] {
    const { accounts, passwords, attempts, clients, apis, revocations, streams } = this
    return {
      accounts,
      passwords,
      attempts,
      clients,
      apis,
      revocations,
      streams,
      sessions: {
        count: async (accountId) => (await this.sessions.list(accountId)).length,
        end: async (id) => {
          const found = await this.sessions.find(id)
          return found && (await this.sessions.end(id)) ? { accountId: found.accountId } : undefined
        },
      },
    }
  }

  #keepName(id: string): void {
    const { email, name } = this.people.get(id) as Account
    this.#former.push({ id, email, name })
  }

  #put(id: string, changes: Partial<Account>): Account {
    const account = { ...(this.people.get(id) as Account), ...changes }
    this.people.set(id, account)
    return account
  }

  #end(accountId: string): Ended {
    this.#sessions = this.#sessions.filter((session) => session.accountId !== accountId)
    return ended
  }

  #refuseUnknownApis(audiences: readonly string[]): void {
    const unknown = audiences.find((audience) => !this.#apis.has(audience))
    if (unknown) throw new Failure('api_missing', 'missing', `There is no API ${unknown}; add it first.`)
  }
}

/** An ended session of an unknown account, so that lists stay short; `sessions show` finds it. */
const endedSessions: readonly SessionRow[] = [
  {
    id: 'session-ended',
    accountId: 'acc_gone',
    signedInAt: undefined,
    expiresAt: undefined,
    clients: ['mail', 'shop', 'wiki'],
    endedAt: new Date(now.getTime() - 600_000),
    logouts: [
      { clientId: 'mail', state: 'delivered', attempts: 1, nextTryAt: undefined, settledAt: now, lastError: undefined },
      {
        clientId: 'shop',
        state: 'waiting',
        attempts: 3,
        nextTryAt: new Date(now.getTime() + 300_000),
        settledAt: undefined,
        lastError: 'The app answered 503.',
      },
      {
        clientId: 'wiki',
        state: 'failed',
        attempts: 1,
        nextTryAt: undefined,
        settledAt: now,
        lastError: 'The app answered 400 (invalid_request).',
      },
    ],
  },
]

const sessionRow = (accountId: string): SessionRow => ({
  id: `session-${accountId.slice(-4)}`,
  accountId,
  signedInAt: new Date(now.getTime() - 7_200_000),
  expiresAt: daysAgo(-30),
  clients: ['shop'],
  endedAt: undefined,
  logouts: [],
})

const keyRow = (kid: string, state: KeyRow['state'], more: Partial<KeyRow>): KeyRow => ({
  kid,
  alg: 'ES256',
  state,
  createdAt: daysAgo(40),
  publishAt: daysAgo(40),
  activeAt: undefined,
  canaryAt: undefined,
  retiredAt: undefined,
  removableAt: undefined,
  reason: 'schedule',
  ...more,
})

const keys: readonly KeyRow[] = [
  keyRow('key-old', 'retired', { activeAt: daysAgo(39), retiredAt: daysAgo(9), removableAt: daysAgo(-21) }),
  keyRow('key-now', 'active', { activeAt: daysAgo(9) }),
  keyRow('key-next', 'pending', { publishAt: daysAgo(9) }),
]

const noMisses = { misses: 0, missing: [] }

const canaryKey = (kid: string, state: KeyRow['state'], more: Partial<CanaryKey>): CanaryKey => ({
  kid,
  alg: 'ES256',
  state,
  canaryAt: undefined,
  mayBeginAt: undefined,
  tokenRequests: 0,
  refreshes: 0,
  earlyRefreshes: 0,
  lagging: [],
  ...noMisses,
  ...more,
})

const canaryKeys: CanaryKey[] = [
  canaryKey('key-now', 'active', { tokenRequests: 110, refreshes: 100, earlyRefreshes: 2 }),
  canaryKey('key-next', 'pending', {
    canaryAt: daysAgo(3),
    mayBeginAt: daysAgo(8),
    tokenRequests: 90,
    refreshes: 80,
    earlyRefreshes: 40,
    missing: ['https://orders.example'],
    misses: 7,
  }),
]

function standInKeyring(): DeskKeyring {
  const change: KeyChange = {
    steps: [{ at: now, kid: 'key-next', alg: 'ES256', what: 'begins to sign' }],
    keys: [...keys],
  }
  const known = async (kid: string): Promise<KeyChange> => {
    if (keys.some((key) => key.kid === kid)) return change
    throw new Failure('key_unknown', 'missing', `There is no key "${kid}"; \`keys list\` shows those there are.`)
  }
  return {
    list: async () => [...keys],
    nextRotationAt: async () => daysAgo(-21),
    fingerprints: async () => ({ configured: 'kek-1', stored: 'kek-1' }),
    schedule: async () => change.steps,
    proof: async () => ['ES256: key-next was published long ago.'],
    readiness: async () => [
      { kid: 'key-now', alg: 'ES256', state: 'active', fetches: 812, verifiers: 2, lagging: [], ...noMisses },
      {
        kid: 'key-next',
        alg: 'ES256',
        state: 'pending',
        fetches: 640,
        verifiers: 1,
        lagging: ['https://orders.example'],
        ...noMisses,
      },
    ],
    blastRadius: async (kid) => ({
      kid,
      alg: 'ES256',
      clients: [
        {
          clientId: 'shop',
          idTokens: true,
          apis: ['https://orders.example'],
          grants: 3,
          refreshTokens: 2,
          livingTokens: { 'https://orders.example': 5 },
        },
      ],
      apis: ['https://orders.example'],
      sessions: 2,
      longestApiTokenSeconds: undefined,
      signedUntil: new Date(now.getTime() + 3_600_000),
    }),
    endClients: async () => 3,
    nameCanary: async () => change,
    canary: async () => ({ clientId: 'shop', keys: canaryKeys }),
    switchOff: async () => change,
    doubts: () => [],
    publicJwks: async () => ({ keys: [{ kty: 'EC', kid: 'key-now' }] }),
    rotate: async ({ alg } = {}) => {
      if (alg === undefined || alg === 'ES256') return change
      throw new Failure(
        'signing_algorithm_unknown',
        'invalid',
        `There is no signing algorithm "${alg}"; choose one of ES256, RS256.`,
      )
    },
    revoke: known,
    revokeAll: async () => change,
    remove: async (kid) => {
      await known(kid)
      throw new Failure('key_still_needed', 'conflict', `${kid} cannot be removed before 2026-03-22T12:00:00.000Z.`)
    },
    import: async () => {
      throw new Failure('private_key_malformed', 'invalid', 'The key cannot be read: it is neither PEM nor a JWK.')
    },
  }
}
