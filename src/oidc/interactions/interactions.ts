/**
 * The interface through which `web` reads and answers a sign-in in progress. Implemented by `provider-interactions.ts`.
 */
import type { Context } from 'koa'
import type { Api } from '../../clients/client.ts'
import type { Access } from '../../consent/consent.ts'

/** The app that the person is signing in to. */
export interface InteractionClient {
  id: string
  name: string
  firstParty: boolean
  /** The address at which a new sign-in starts; undefined when no usable one is registered. */
  startUri: string | undefined
  logoUri: string | undefined
  policyUri: string | undefined
  tosUri: string | undefined
  /** Host of the redirect URI. A consent page names it as the destination of the data. */
  destination: string | undefined
}

export interface Interaction {
  uid: string
  prompt: 'login' | 'consent'
  /** Why the engine asks: `no_session`, `max_age`, `login_prompt`, `account_gone`, `access_missing` … */
  reasons: readonly string[]
  client: InteractionClient
  /** From the authorization request; the engine has checked it. */
  loginHint: string | undefined
  uiLocales: string | undefined
  /** `prompt=select_account` was asked for. */
  selectAccount: boolean
  /** The account that is signed in in this browser now (not when the interaction began). */
  session: { accountId: string; uid: string; remembered: boolean } | undefined
  /** The access that the person is asked to allow. */
  missing: Access
  /** Names and scope texts of the APIs in `missing`, by audience. */
  apis: Readonly<Record<string, Pick<Api, 'name' | 'scopeTexts'>>>
  /** Set when a device is to be connected: its code as the device shows it. */
  device: { userCode: string | undefined } | undefined
  /** Is the answer stored beyond this session? */
  isRemembered: boolean
}

export type InteractionLookup =
  | { state: 'live'; interaction: Interaction }
  /**
   * Finished seconds ago, and this browser has no proof of the answer: the response was lost, or another browser
   * answered. The same account may answer once more; the page shows no details.
   */
  | { state: 'answered'; interaction: Interaction }
  /** Finished seconds ago in this browser (double submit, second tab): `resumeUrl` continues to the app. */
  | { state: 'finished'; client: InteractionClient; resumeUrl: string }
  /** Expired, used, bookmarked, or opened in another browser. `client` is set while the app is remembered. */
  | { state: 'gone'; client: InteractionClient | undefined; uiLocales?: string }

export interface Interactions {
  read(ctx: Context, uid: string): Promise<InteractionLookup>
  /** Binds a form to this interaction and browser; `isCsrfToken` compares in constant time. */
  csrfToken(ctx: Context, uid: string): string
  isCsrfToken(ctx: Context, uid: string, token: unknown): boolean
  /**
   * Records a sign-in. Returns the URL for a 303 redirect.
   * @param login.amr RFC 8176 values, e.g. `['pwd']`
   * @param login.remember keep the session cookie after the browser closes
   * @param login.switchFrom set when the person chose to replace the account signed in before: that session ends
   */
  finishLogin(
    ctx: Context,
    interaction: Interaction,
    login: { accountId: string; amr: readonly string[]; acr: string; remember: boolean; switchFrom?: string },
  ): Promise<string>
  /** Continues with the account that is already signed in (account chooser). */
  continueSession(ctx: Context, interaction: Interaction): Promise<string>
  /** Stores the grant for everything that `interaction.missing` names. */
  finishConsent(ctx: Context, interaction: Interaction): Promise<string>
  /** Sends the person back to the app with `access_denied`. */
  deny(ctx: Context, interaction: Interaction): Promise<string>
}
