/** An attacker's browser, a victim's browser, and the cookies that the one sets in the other. */
import { submissionOf } from '../../harness/form.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

export const redirectUri = 'https://app.example/callback'

export interface Stage {
  provider: Provider
  issuer: string
  victim: Person
  attacker: Person
  app: PlainClient
  guest: PlainClient
  device: PlainClient
  browser(): UserAgent
  /** An absolute URL of the issuer. */
  url(path: string): string
  /** Whether this browser has a session of the person. */
  isSignedIn(agent: UserAgent, person: Person): Promise<boolean>
  close(): Promise<unknown>
}

/** The cookie of the proof, in a Cookie header. */
export const proofCookie = /(?:__(?:Host|Secure)-)?claviger_proof_[\w-]{11}=[\w-]{43}/

/** @param issuer as browsers see it, where a proxy stands between; loopback without it */
export async function openStage(issuer?: string): Promise<Stage> {
  const provider = await startProvider(issuer === undefined ? {} : { env: { CLAVIGER_ISSUER: issuer } })
  const seen = issuer ?? provider.issuer
  const place = { issuer: seen, redirectUri, port: () => provider.port }
  const common = { preset: 'spa' as const, redirectUris: [redirectUri] }
  const [victim, attacker, app, guest, device] = await Promise.all([
    addPerson(provider),
    addPerson(provider, { name: 'Mallory', email: 'mallory@example.com' }),
    addClient(provider, { ...common, firstParty: true }),
    addClient(provider, { ...common, name: 'Guest' }),
    addClient(provider, { preset: 'device', firstParty: true }),
  ])
  const url = (path: string) => `${seen}${path}`
  return {
    provider,
    issuer: seen,
    victim,
    attacker,
    app: new PlainClient(app, place),
    guest: new PlainClient(guest, place),
    device: new PlainClient(device, place),
    browser: () => new UserAgent(seen, issuer === undefined ? {} : { port: () => provider.port }),
    url,
    isSignedIn: async (agent, { email }) => (await agent.visit(url('/account'))).text.includes(email),
    close: () => provider.stop(),
  }
}

/** Presses a button and does not follow the redirect that comes of it. */
export async function pressOnly(
  agent: UserAgent,
  page: VisitedPage,
  button: string,
  typed: Record<string, string> = {},
): Promise<{ status: number; location: string }> {
  const pressed = page.document.querySelector(button)
  if (!pressed) throw new Error(`No ${button} on ${page.url.href} (${page.status}):\n${page.text}`)
  const { url, fields } = submissionOf(page, pressed, typed)
  const headers = { origin: page.url.origin, 'sec-fetch-site': 'same-origin' }
  const answer = await agent.send('POST', url, { body: fields.toString(), headers })
  return { status: answer.status, location: String(answer.headers.location ?? '') }
}

export const typed = ({ email, password }: Person) => ({ login: email, password })

/** The code in the address that a browser was sent to. */
export const codeIn = ({ left, url }: VisitedPage): string | null => (left ? url.searchParams.get('code') : null)
