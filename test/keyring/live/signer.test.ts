import { type ChildProcess, spawn } from 'node:child_process'
import { createPublicKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { compactVerify, importJWK, jwtVerify } from 'jose'
import Provider, { ExternalSigningKey } from 'oidc-provider'
import { SIGNING_ALGORITHMS } from '../../../src/keyring/cycle/algorithms.ts'
import { Keyring } from '../../../src/keyring/keyring.ts'
import type { KeySigner } from '../../../src/keyring/live/key-set.ts'
import { LiveKeySet } from '../../../src/keyring/live/live-key-set.ts'
import { bindingOf, DeploymentSecrets } from '../../../src/keyring/secrets/deployment-secrets.ts'
import { Envelope } from '../../../src/keyring/vaults/envelope.ts'
import type { NewKey } from '../../../src/keyring/vaults/key-vault.ts'
import { SignerClient } from '../../../src/keyring/vaults/signer-client.ts'
import { SignerEnvelope, SignerVault } from '../../../src/keyring/vaults/signer-vault.ts'
import { MemoryKeyStore } from '../memory-key-store.ts'
import { MemorySecretStore } from '../memory-secret-store.ts'
import { rowOf, times } from '../sample-key.ts'

const kek = randomBytes(32)
let folder: string
let path: string
let signer: ChildProcess
let client: SignerClient
let vault: SignerVault

async function startSigner(): Promise<void> {
  const program = join(import.meta.dirname, 'signer-program.ts')
  signer = spawn(process.execPath, [program, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  signer.stdin?.write(kek.toString('base64url'))
  await once(signer.stdout as NodeJS.ReadableStream, 'data')
}

async function stopSigner(): Promise<void> {
  const ended = once(signer, 'exit')
  signer.kill('SIGKILL')
  await ended
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'claviger-signer-'))
  path = join(folder, 'signer.sock')
  await startSigner()
  client = new SignerClient(path)
  vault = await SignerVault.connect(client)
})

afterAll(async () => {
  client.close()
  await stopSigner()
  await rm(folder, { recursive: true })
})

async function openSigner(made: NewKey, alg: string): Promise<KeySigner> {
  const open = await vault.open(rowOf(made, alg))
  if ('privateJwk' in open) throw new Error('a private key left the signer')
  return open
}

describe('a signer in its own process', () => {
  test.each(SIGNING_ALGORITHMS)('makes %s keys and signs with them', async (alg) => {
    const made = await vault.create(alg)
    const key = await openSigner(made, alg)
    const head = Buffer.from(JSON.stringify({ alg, kid: made.kid })).toString('base64url')
    const signed = `${head}.${Buffer.from('hello').toString('base64url')}`
    const signature = Buffer.from(await key.sign(Buffer.from(signed))).toString('base64url')
    const { payload } = await compactVerify(`${signed}.${signature}`, await importJWK(made.publicJwk, alg))
    expect(Buffer.from(payload).toString()).toBe('hello')
  })

  test('never returns a private key, for any claimed purpose', async () => {
    const made = await vault.create('ES256')
    const key = await openSigner(made, 'ES256')
    expect(inspect([made, key], { depth: 9 })).not.toMatch(/\bd:|priv/)
    const stolen = client.ask('openSecret', { kid: made.kid, sealed: made.sealed })
    await expect(stolen).rejects.toMatchObject({ code: 'sealed_secret_damaged' })
  })

  test('can be reached only by its own user', async () => {
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('gives overlapping requests their own responses', async () => {
    const made = await vault.create('EdDSA')
    const key = await openSigner(made, 'EdDSA')
    const once = await Promise.all(Array.from({ length: 50 }, (_, index) => key.sign(Buffer.from(`message ${index}`))))
    const again = await Promise.all(Array.from({ length: 50 }, (_, index) => key.sign(Buffer.from(`message ${index}`))))
    // Ed25519 signatures are deterministic and differ between messages.
    expect(again).toEqual(once)
    expect(new Set(once.map((signature) => Buffer.from(signature).toString('hex'))).size).toBe(50)
  })

  test('closes a connection that sends anything but a request', async () => {
    const stranger = createConnection(path)
    stranger.write('GET / HTTP/1.1\n')
    await once(stranger, 'close')
    const prying = createConnection(path)
    prying.write('{"id":1,"task":"constructor","ask":{}}\n')
    await once(prying, 'close')
    await expect(vault.create('ES256')).resolves.toBeDefined()
  })

  test('seals the deployment secrets under its key, so that the web process needs no key-encryption key', async () => {
    const store = new MemorySecretStore()
    const secrets = new DeploymentSecrets({ store, envelope: new SignerEnvelope(client) })
    const secret = await secrets.secret('csrf')
    const [kept] = store.secrets
    const local = await Envelope.open(() => [kek])
    expect(Buffer.from(await local.open(bindingOf('csrf', 1), kept?.sealed as never))).toEqual(Buffer.from(secret))
  })

  test('fails with a named error while it is stopped, and signs with the same keys after a restart', async () => {
    const made = await vault.create('ES256')
    const key = await openSigner(made, 'ES256')
    await stopSigner()
    await expect(key.sign(Buffer.from('x'))).rejects.toMatchObject({ code: 'signer_unavailable', kind: 'unavailable' })
    await startSigner()
    await expect(key.sign(Buffer.from('x'))).resolves.toHaveLength(64)
  })
})

/** As `oidc` passes a signer to the engine. */
class ElsewhereKey extends ExternalSigningKey {
  readonly #signer: KeySigner

  constructor(signer: KeySigner) {
    super()
    this.#signer = signer
    Object.assign(this, { kid: signer.kid, alg: signer.alg })
  }

  override keyObject() {
    return createPublicKey({ key: this.#signer.publicJwk as never, format: 'jwk' })
  }

  override sign(data: Uint8Array) {
    return this.#signer.sign(data)
  }
}

/** JWT access tokens are not stored, and the client is configured. */
class NothingStored {
  async upsert() {}
  async find() {}
}

test('a provider issues tokens with keys of the signer, and the serving process has no private key', async () => {
  const store = new MemoryKeyStore()
  const keyring = new Keyring({ store, vault, times, algorithms: ['ES256', 'RS256'], audit: { write: () => {} } })
  await keyring.ensureKeys()
  const live = await LiveKeySet.start({
    store,
    vault,
    times,
    changes: { on: () => {} },
    now: () => store.now,
    onError: (reason) => {
      throw reason
    },
  })
  const { publicJwks, signers } = live.current()
  live.stop()
  const provider = new Provider('https://id.example', {
    jwks: { keys: signers.map((one) => new ElsewhereKey(one)) as never },
    adapter: NothingStored as never,
    cookies: { keys: ['unused'] },
    ttl: { ClientCredentials: 600 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
    } as never,
    clients: [
      {
        client_id: 'c',
        client_secret: 's',
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
      },
    ],
  })
  const found = await provider.Client.find('c')
  const token = new provider.ClientCredentials({ client: found as never, scope: 'read' })
  const settings = {
    audience: 'https://api.example',
    scope: 'read',
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'ES256' } },
  }
  token.resourceServer = new provider.ResourceServer('https://api.example', settings as never)
  const jwt = await token.save()
  const { protectedHeader } = await jwtVerify(jwt, await importJWK(publicJwks.keys[0] as never, 'ES256'), {
    audience: 'https://api.example',
  })
  expect(protectedHeader).toMatchObject({ kid: publicJwks.keys[0]?.kid, alg: 'ES256' })
})
