/** What the exchange of the engine costs the process that serves: CPU time, which other load on the machine blurs least. */
import { randomBytes } from 'node:crypto'
import { readConfig } from '../src/config/config.ts'
import { Envelope } from '../src/keyring/envelope.ts'
import type { KeySet, KeySigner } from '../src/keyring/key-set.ts'
import { LocalKeyVault } from '../src/keyring/key-vault.ts'
import { createOidc } from '../src/oidc/oidc.ts'
import type { OidcNeeds } from '../src/oidc/oidc-needs.ts'
import { createOidcPages } from '../src/web/oidc-pages.ts'
import { createPages } from '../src/web/pages.ts'

const algorithms = ['ES256', 'RS256'] as const
/** Of each algorithm: months of retired ones behind the one that signs. */
const keysPerAlgorithm = 3

export interface ExchangeCost {
  /** Of the median exchange. */
  cpuMs: number
  /** The longest for which the median exchange kept the event loop from anything else, other load included. */
  blockMs: number
}

/** Exchanges an engine that serves nobody, often enough that the compiler has seen it. */
export async function measureExchange(rounds: number): Promise<ExchangeCost> {
  const config = readConfig({ CLAVIGER_ISSUER: 'http://localhost:9400' })
  const needs = {
    config,
    pages: createOidcPages(createPages(config, { key: randomBytes(32), now: () => new Date() })),
    cookieKeys: () => ['k'.repeat(43)],
    secrets: { dpopNonce: randomBytes(32), csrf: randomBytes(32) },
    locales: ['en'],
    acrValues: ['pwd'],
    furtherMetadata: () => ({}),
    models: {},
    directory: {},
    events: {},
  } as unknown as OidcNeeds
  const sets = await Promise.all(Array.from({ length: rounds + 1 }, newKeySet))
  const oidc = await createOidc(needs, sets[0] as KeySet)
  const costs: ExchangeCost[] = []
  for (const set of sets.slice(1)) costs.push(await costOf(() => oidc.useKeys(set)))
  const middle = (of: (cost: ExchangeCost) => number) => costs.map(of).sort((a, b) => a - b)[rounds >> 1] ?? 0
  return { cpuMs: middle(({ cpuMs }) => cpuMs), blockMs: middle(({ blockMs }) => blockMs) }
}

async function costOf(work: () => Promise<void>): Promise<ExchangeCost> {
  let blockMs = 0
  let last = performance.now()
  let isOver = false
  const look = () => {
    const now = performance.now()
    blockMs = Math.max(blockMs, now - last)
    last = now
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  await new Promise((resolve) => setImmediate(resolve))
  isOver = true
  return { cpuMs: (user + system) / 1000, blockMs }
}

async function newKeySet(): Promise<KeySet> {
  const vault = new LocalKeyVault(await Envelope.open(() => [randomBytes(32)]))
  const signers: KeySigner[] = []
  for (const alg of algorithms) {
    for (let count = 0; count < keysPerAlgorithm; count += 1) {
      const { sealed, ...made } = await vault.create(alg)
      signers.push(await vault.open({ ...made, alg, sealed: sealed.jwe, fingerprint: sealed.fingerprint }))
    }
  }
  const keys = signers.map(({ publicJwk, kid, alg }) => ({ ...publicJwk, kid, alg, use: 'sig' }))
  return { version: '', signers, standbys: [], publicJwks: { keys }, maxAgeSeconds: 300, algorithms: [...algorithms] }
}
