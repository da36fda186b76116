/** A deployment that is lived in and then moves to another host: what was handed out before, and whether it still works. */
import { randomBytes } from 'node:crypto'
import { expect } from '@jest/globals'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { fingerprintOf } from '../../../src/keyring/vaults/envelope.ts'
import { runClaviger } from '../../harness/cli.ts'
import { addApi, addClient, addPerson } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask } from '../../harness/wire.ts'

const audience = 'https://orders.example'
const redirectUri = 'https://app.example/callback'
/** It moves along to the new host. */
const issuer = 'http://localhost:9400'

const printOf = (key: string) => fingerprintOf(Buffer.from(key, 'base64url'))

export class MovingHouse {
  readonly #kek = randomBytes(32).toString('base64url')
  readonly #env = { CLAVIGER_ISSUER: issuer, CLAVIGER_KEY_ENCRYPTION_KEY: this.#kek }
  readonly #opened: Provider[] = []
  readonly #port = () => this.#opened.at(-1)?.port ?? 0
  readonly #browser = new UserAgent(issuer, { port: this.#port })
  #app: PlainClient | undefined
  #before = { accessToken: '', refreshToken: '' }
  /** All that there were when people moved out. */
  kids: string[] = []

  async startOn(url: string): Promise<Provider> {
    const provider = await startProvider({ database: { url }, env: this.#env })
    this.#opened.push(provider)
    return provider
  }

  /** Somebody signs in to an app on this database; a key retires, which a backup has to bring along; the node stops. */
  async liveOn(url: string): Promise<void> {
    const provider = await this.startOn(url)
    await addApi(provider, audience)
    const [person, client] = await Promise.all([
      addPerson(provider),
      addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri], apis: [audience] }),
    ])
    this.#app = new PlainClient(client, { issuer, redirectUri, port: this.#port })
    const started = this.#app.start()
    const arrived = await signIn(this.#browser, started.url, person)
    const { json } = await this.#app.exchange(arrived.url.searchParams.get('code') ?? '', started.verifier)
    this.#before = { accessToken: String(json['access_token']), refreshToken: String(json['refresh_token']) }
    await provider.cli(['keys', 'rotate', '--alg', 'ES256', '--now'])
    await provider.stop()
    const rows = await openRows(url)
    this.kids = (await rows.query<{ kid: string }>('select kid from signing_keys')).map(({ kid }) => kid)
    await rows.close()
  }

  async publishedKids(): Promise<string[]> {
    return (await this.#keySet()).keys.map(({ kid = '' }) => kid)
  }

  async expectEverythingWorks(): Promise<void> {
    const app = this.#app as PlainClient
    expect((await this.publishedKids()).toSorted()).toEqual(this.kids.toSorted())
    const keys = createLocalJWKSet(await this.#keySet())
    await expect(jwtVerify(this.#before.accessToken, keys, { audience })).resolves.toBeDefined()
    const again = await this.#browser.visit(app.start({ prompt: 'none' }).url)
    expect(again.url.searchParams.get('code')).toEqual(expect.any(String))
    const renewed = await app.refresh(this.#before.refreshToken)
    expect(renewed.status).toBe(200)
  }

  async expectWrongKeyStops(url: string): Promise<void> {
    const other = randomBytes(32).toString('base64url')
    const wrong = { ...this.#env, DATABASE_URL: url, CLAVIGER_KEY_ENCRYPTION_KEY: other }
    const { code, stderr } = await runClaviger(['start'], wrong)
    expect(code).toBe(1)
    expect(stderr).toContain(printOf(other))
    expect(stderr).toContain(printOf(this.#kek))
  }

  /** Ends every node that was started. */
  async leave(): Promise<void> {
    await Promise.all(this.#opened.map((provider) => provider.stop()))
  }

  async #keySet(): Promise<JSONWebKeySet> {
    const { text } = await ask(this.#port(), { path: '/jwks', headers: { host: new URL(issuer).host } })
    return JSON.parse(text) as JSONWebKeySet
  }
}
