/** The pages that the engine asks for outside interactions. `web` renders them; each sets status, type and body on `ctx`. */
import type { Context } from 'koa'
import type { InteractionClient } from './interactions.ts'

export interface OidcPages {
  /**
   * An error that cannot be sent to an app. `error` is the OAuth code; `reason` is for developers, and no page of a
   * deployment in production shows it.
   */
  error(
    ctx: Context,
    fault: { error: string; status: number; client: InteractionClient | undefined; reason?: string },
  ): Promise<void>
  /** "Sign out?" `form` fields must be posted back to `action`; the sign-out button adds `logout=yes`. */
  logout(ctx: Context, page: { action: string; xsrf: string; client: InteractionClient | undefined }): Promise<void>
  signedOut(ctx: Context, page: { client: InteractionClient | undefined }): Promise<void>
  /** Device flow (RFC 8628): type the code. `wrong` when the last one was not known. */
  deviceCode(
    ctx: Context,
    page: { action: string; xsrf: string; userCode: string | undefined; wrong: boolean },
  ): Promise<void>
  deviceDone(ctx: Context, page: { client: InteractionClient | undefined }): Promise<void>
  /** Device flow: the person refused. */
  deviceStopped(ctx: Context): Promise<void>
  /** A self-submitting form (response_mode=form_post, sign-out without a question). Must work by one button without JavaScript. */
  formPost(ctx: Context, page: { action: string; fields: Readonly<Record<string, string>> }): Promise<void>
}
