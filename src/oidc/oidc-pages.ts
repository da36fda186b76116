/**
 * The pages that the engine shows outside interactions. `web` renders them. Each page sets status, type and body on
 * `ctx`.
 */
import type { Context } from 'koa'
import type { InteractionClient } from './interactions/interactions.ts'

export interface OidcPages {
  /**
   * An error that cannot be sent to an app. `error` is the OAuth code. `reason` is for developers; a production
   * deployment does not show it on any page.
   */
  error(
    ctx: Context,
    fault: { error: string; status: number; client: InteractionClient | undefined; reason?: string },
  ): Promise<void>
  /** "Sign out?" `form` fields must be posted back to `action`; the sign-out button adds `logout=yes`. */
  logout(ctx: Context, page: { action: string; xsrf: string; client: InteractionClient | undefined }): Promise<void>
  signedOut(ctx: Context, page: { client: InteractionClient | undefined }): Promise<void>
  /** Device flow (RFC 8628): the form for the code. `wrong` when the last code was unknown. */
  deviceCode(
    ctx: Context,
    page: { action: string; xsrf: string; userCode: string | undefined; wrong: boolean },
  ): Promise<void>
  deviceDone(ctx: Context, page: { client: InteractionClient | undefined }): Promise<void>
  /** Device flow: the person refused. */
  deviceStopped(ctx: Context): Promise<void>
  /**
   * A self-submitting form (response_mode=form_post, sign-out without a question). Without JavaScript one button must
   * submit it.
   */
  formPost(ctx: Context, page: { action: string; fields: Readonly<Record<string, string>> }): Promise<void>
}
