/** Makes the engine show `web`'s pages instead of its own. */
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import { interactionClient } from '../interactions/interaction-client.ts'
import type { OidcPages } from '../oidc-pages.ts'
import { signOutAtOnce } from '../sign-out/logout.ts'
import type { CookieSettings } from './cookies.ts'
import { detailOf } from './event-wiring.ts'

const clientOf = (client: Client | undefined, destination?: unknown) =>
  client ? interactionClient(client, destination) : undefined

const xsrfOf = (ctx: KoaContextWithOIDC): string => {
  const state = ctx.oidc.session?.state as { secret?: string } | undefined
  return state?.secret ?? ''
}

export function enginePages(pages: OidcPages, { names, long }: CookieSettings['engine']) {
  return {
    renderError: async (ctx: KoaContextWithOIDC, out: { error: string }, reason?: Error) => {
      // The engine's name for the case that this browser's sign-in continued elsewhere. The OAuth error code is less
      // precise.
      ctx.state.isSignInLost = reason?.name === 'SessionNotFound'
      const error = ctx.state.isSignInLost ? 'session_not_found' : out.error
      const detail = reason && detailOf(reason)
      const reasonText = detail === undefined ? error : `${error}: ${detail}`
      await pages.error(ctx, { error, status: ctx.status, client: clientOf(ctx.oidc?.client), reason: reasonText })
    },
    logout: {
      logoutSource: async (ctx: KoaContextWithOIDC) => {
        if (ctx.state.signsOutAtOnce) return signOutAtOnce(ctx, { session: names.session, attributes: long })
        const action = ctx.oidc.urlFor('end_session_confirm')
        await pages.logout(ctx, { action, xsrf: xsrfOf(ctx), client: clientOf(ctx.oidc.client) })
      },
      postLogoutSuccessSource: async (ctx: KoaContextWithOIDC) => {
        await pages.signedOut(ctx, { client: clientOf(ctx.oidc.client) })
      },
    },
    deviceFlow: {
      userCodeInputSource: async (ctx: KoaContextWithOIDC, _form: string, _out?: unknown, fault?: Error) => {
        if (fault?.name === 'AbortedError') return pages.deviceStopped(ctx)
        const action = ctx.oidc.urlFor('code_verification')
        await pages.deviceCode(ctx, {
          action,
          xsrf: xsrfOf(ctx),
          userCode: (fault as { userCode?: string } | undefined)?.userCode,
          wrong: fault !== undefined,
        })
      },
      successSource: async (ctx: KoaContextWithOIDC) => {
        await pages.deviceDone(ctx, { client: clientOf(ctx.oidc.client) })
      },
    },
  }
}
