/** What a person does to sign in, without scripts. */
import type { Person } from './people.ts'
import type { RelyingParty, Tokens } from './relying-party.ts'
import type { UserAgent, VisitedPage } from './user-agent.ts'

/** Opens the app's sign-in address, types name and password, presses the button. Ends where the browser is sent. */
export async function signIn(
  agent: UserAgent,
  url: URL,
  { email, password }: Pick<Person, 'email' | 'password'>,
  more: Readonly<Record<string, string | boolean>> = {},
): Promise<VisitedPage> {
  const page = await agent.visit(url)
  return agent.press(page, '#sign-in', { login: email, password, ...more })
}

/** The whole way through one app: sign-in, callback, tokens. */
export async function signInTo(
  app: RelyingParty,
  agent: UserAgent,
  person: Person,
  parameters: Record<string, string> = {},
): Promise<Tokens> {
  const started = await app.start(parameters)
  const arrived = await signIn(agent, started.url, person)
  if (!arrived.left) throw new Error(`Stayed on ${arrived.url.href} (${arrived.status}):\n${arrived.text}`)
  return app.finish(arrived.url, started)
}
