/** Tokens of every kind, each with the way in which the product makes it void: its endpoints over HTTP, or what its commands call. */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { newAccount } from '../../src/accounts/new-account.ts'
import type { Desk } from '../../src/cli/desk.ts'
import { type Nodes, post, type Registered, redirectUri, serviceToken } from './deployment.ts'
import { addClient, type Person } from './people.ts'
import { type RelyingParty, relyingParty } from './relying-party.ts'
import type { Provider } from './server.ts'
import { signInTo } from './sign-in.ts'
import { UserAgent } from './user-agent.ts'

export interface Revocable {
  kind: 'jti' | 'sid' | 'grant' | 'sub' | 'client' | 'kid' | 'issuer'
  /** `http`: an endpoint of one of the nodes; `command`: what the command line calls. */
  by: 'http' | 'command'
  token: string
  revoke(): Promise<unknown>
}

const actor = 'cli:test'
const password = 'five hundred verifiers'

export class Revocables {
  readonly #nodes: Nodes
  readonly #registered: Registered
  readonly #desk: Desk
  #party: RelyingParty | undefined
  #person: Promise<Person> | undefined
  #made = 0

  constructor(nodes: Nodes, registered: Registered, desk: Desk) {
    this.#nodes = nodes
    this.#registered = registered
    this.#desk = desk
  }

  /** So many of each kind; a kid voids everything else, so there is none among them. */
  async make(each: number): Promise<Revocable[]> {
    const made: Revocable[] = []
    for (let round = 0; round < each; round += 1) {
      made.push(
        await this.#jtiByHttp(),
        await this.#jtiByCommand(),
        await this.#sessionByCommand(),
        await this.#sessionByHttp(),
        await this.#grantByHttp(),
        await this.#personByCommand(),
        await this.#clientByCommand(),
      )
    }
    return made
  }

  /** Everything of the issuer, like a key voids all else: it comes last. */
  async issuer(): Promise<Revocable> {
    const { issuer } = this.#nodes
    const revoke = this.#command(() => this.#desk.revocations.revokeAll(issuer, { actor }))
    return { kind: 'issuer', by: 'command', token: await this.#service(), revoke }
  }

  async key(): Promise<Revocable> {
    const token = await this.#service()
    const { kid = '' } = decodeProtectedHeader(token)
    const revoke = () => this.#desk.keyring.revoke(kid, { compromised: true, dryRun: false, actor })
    return { kind: 'kid', by: 'command', token, revoke: this.#command(revoke) }
  }

  /** As a command does it: what was revoked is published at its end. */
  #command(act: () => Promise<unknown>): () => Promise<unknown> {
    return async () => {
      await act()
      await this.#desk.publish()
    }
  }

  /** One node after the other, as a balancer does. */
  get #node(): Provider {
    this.#made += 1
    const { nodes } = this.#nodes
    return nodes[this.#made % nodes.length] as Provider
  }

  #service(client = this.#registered.service): Promise<string> {
    return serviceToken(this.#node, client)
  }

  /** RFC 7009, by the client that owns it. */
  async #jtiByHttp(): Promise<Revocable> {
    const { service } = this.#registered
    const token = await this.#service()
    const node = this.#node
    return { kind: 'jti', by: 'http', token, revoke: () => post(node, '/token/revocation', service, { token }) }
  }

  async #jtiByCommand(): Promise<Revocable> {
    const token = await this.#service()
    const jti = String(decodeJwt(token).jti)
    return {
      kind: 'jti',
      by: 'command',
      token,
      revoke: this.#command(() => this.#desk.revocations.revokeToken(jti, { actor })),
    }
  }

  async #sessionByCommand(): Promise<Revocable> {
    const { access_token: token } = await this.#signIn()
    const sid = String(decodeJwt(token)['sid'])
    return {
      kind: 'sid',
      by: 'command',
      token,
      revoke: this.#command(() => this.#desk.revocations.revokeSession(sid, { actor })),
    }
  }

  /** The person presses "Sign out". */
  async #sessionByHttp(): Promise<Revocable> {
    const agent = new UserAgent(this.#nodes.issuer)
    const { access_token: token } = await this.#signIn(agent)
    // Without a hint the page asks first, so that the test decides when the session ends.
    const page = await agent.visit(`${this.#nodes.issuer}/session/end`)
    return { kind: 'sid', by: 'http', token, revoke: () => agent.press(page, '#sign-out') }
  }

  /** A refresh token revoked by its app takes the grant along. */
  async #grantByHttp(): Promise<Revocable> {
    const { app } = this.#registered
    const { access_token: token, refresh_token: refreshToken = '' } = await this.#signIn()
    const node = this.#node
    return {
      kind: 'grant',
      by: 'http',
      token,
      revoke: () => post(node, '/token/revocation', app, { token: refreshToken }),
    }
  }

  async #personByCommand(): Promise<Revocable> {
    const person = await this.#newPerson()
    const { access_token: token } = await this.#signIn(new UserAgent(this.#nodes.issuer), person)
    return { kind: 'sub', by: 'command', token, revoke: this.#command(() => this.#desk.accounts.signOut(person.id)) }
  }

  async #clientByCommand(): Promise<Revocable> {
    const client = await addClient(this.#node, { preset: 'service', apis: [this.#registered.fleet.audience] })
    const token = await this.#service(client as Registered['service'])
    return {
      kind: 'client',
      by: 'command',
      token,
      revoke: this.#command(() => this.#desk.revocations.revokeClient(client.client_id)),
    }
  }

  async #signIn(agent = new UserAgent(this.#nodes.issuer), person?: Person) {
    this.#person ??= this.#newPerson()
    return signInTo(await this.#app(), agent, person ?? (await this.#person))
  }

  async #app(): Promise<RelyingParty> {
    const { issuer } = this.#nodes
    this.#party ??= await relyingParty(issuer, this.#registered.app, { scope: 'openid orders:read', redirectUri })
    return this.#party
  }

  async #newPerson() {
    this.#made += 1
    const email = `person-${this.#made}@example.com`
    const account = await this.#desk.accounts.insert(newAccount({ email }))
    await this.#desk.passwords.set(account.id, await this.#desk.passwords.hash(password))
    return { id: account.id, email, name: email, password }
  }
}
