/** What `web` may ask of a sign-in under way. Implemented by `provider-interactions.ts`. */
import type { Context } from 'koa'
import type { Api } from '../clients/client.ts'
import type { Access } from '../consent/consent.ts'

/** The app that a person is on the way to. */
export interface InteractionClient {
  id: string
  name: string
  firstParty: boolean
  /** Where a new sign-in starts at this app; undefined when nothing usable is registered. */
  startUri: string | undefined
  logoUri: string | undefined
  policyUri: string | undefined
  tosUri: string | undefined
  /** Host of the redirect URI: what a consent page may honestly say about where the data goes. */
  destination: string | undefined
}

export interface Interaction {
  uid: string
  prompt: 'login' | 'consent'
  /** Why the engine asks: `no_session`, `max_age`, `login_prompt`, `account_gone`, `access_missing` … */
  reasons: readonly string[]
  client: InteractionClient
  /** Of the authorization request, already checked by the engine. */
  loginHint: string | undefined
  uiLocales: string | undefined
  /** `prompt=select_account` was asked for. */
  selectAccount: boolean
  /** Who is signed in in this browser now (not when the interaction began). */
  session: { accountId: string; uid: string; remembered: boolean } | undefined
  /** What the person is asked to allow. */
  missing: Access
  /** What the owners of the APIs in `missing` say of them to people, by audience. */
  apis: Readonly<Record<string, Pick<Api, 'name' | 'scopeTexts'>>>
  /** A device is to be connected; its code as the device shows it. */
  device: { userCode: string | undefined } | undefined
  /** Whether the answer is kept after this session. */
  isRemembered: boolean
}

export type InteractionLookup =
  | { state: 'live'; interaction: Interaction }
  /**
   * Finished seconds ago, and this browser has no proof that it did so: the answer was lost, or was given in another
   * browser. The same account may answer once more; there is nothing to see.
   */
  | { state: 'answered'; interaction: Interaction }
  /** Finished seconds ago in this browser (double submit, second tab): `resumeUrl` leads on to the app. */
  | { state: 'finished'; client: InteractionClient; resumeUrl: string }
  /** Expired, used, bookmarked, another browser. `client` while it is remembered. */
  | { state: 'gone'; client: InteractionClient | undefined; uiLocales?: string }

export interface Interactions {
  read(ctx: Context, uid: string): Promise<InteractionLookup>
  /** Binds a form to this interaction and browser; `isCsrfToken` compares in constant time. */
  csrfToken(ctx: Context, uid: string): string
  isCsrfToken(ctx: Context, uid: string, token: unknown): boolean
  /**
   * The person proved who they are. Returns the URL to answer 303 with.
   * @param login.amr RFC 8176 values, e.g. `['pwd']`
   * @param login.remember keep the session cookie after the browser closes
   * @param login.switchFrom set when the person chose to replace the account signed in before: that session ends
   */
  finishLogin(
    ctx: Context,
    interaction: Interaction,
    login: { accountId: string; amr: readonly string[]; acr: string; remember: boolean; switchFrom?: string },
  ): Promise<string>
  /** Go on with the account that is signed in already (account chooser). */
  continueSession(ctx: Context, interaction: Interaction): Promise<string>
  /** Saves the grant for all that `interaction.missing` names. */
  finishConsent(ctx: Context, interaction: Interaction): Promise<string>
  /** Sends the person back to the app with `access_denied`. */
  deny(ctx: Context, interaction: Interaction): Promise<string>
}
