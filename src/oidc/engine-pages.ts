/** Lends `web`'s pages to the engine, which would render its own. */
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import { interactionClient } from './interaction-client.ts'
import type { OidcPages } from './oidc-pages.ts'

const clientOf = (client: Client | undefined, destination?: unknown) =>
  client ? interactionClient(client, destination) : undefined

const xsrfOf = (ctx: KoaContextWithOIDC): string => {
  const state = ctx.oidc.session?.state as { secret?: string } | undefined
  return state?.secret ?? ''
}

export function enginePages(pages: OidcPages) {
  return {
    renderError: async (ctx: KoaContextWithOIDC, out: { error: string }, reason?: Error) => {
      // The engine's word for a browser whose sign-in went on elsewhere; its OAuth code would say less.
      ctx.state.isSignInLost = reason?.name === 'SessionNotFound'
      const error = ctx.state.isSignInLost ? 'session_not_found' : out.error
      await pages.error(ctx, { error, status: ctx.status, client: clientOf(ctx.oidc?.client) })
    },
    logout: {
      logoutSource: async (ctx: KoaContextWithOIDC) => {
        const action = ctx.oidc.urlFor('end_session_confirm')
        await pages.logout(ctx, { action, xsrf: xsrfOf(ctx), client: clientOf(ctx.oidc.client) })
      },
      postLogoutSuccessSource: async (ctx: KoaContextWithOIDC) => {
        await pages.signedOut(ctx, { client: clientOf(ctx.oidc.client) })
      },
    },
    deviceFlow: {
      userCodeInputSource: async (ctx: KoaContextWithOIDC, _form: string, _out?: unknown, fault?: Error) => {
        const action = ctx.oidc.urlFor('code_verification')
        await pages.deviceCode(ctx, {
          action,
          xsrf: xsrfOf(ctx),
          userCode: (fault as { userCode?: string } | undefined)?.userCode,
          wrong: fault !== undefined,
        })
      },
      userCodeConfirmSource: async (
        ctx: KoaContextWithOIDC,
        _form: string,
        client: Client,
        _device: unknown,
        userCode: string,
      ) => {
        const action = ctx.oidc.urlFor('code_verification')
        const scopes = String((ctx.oidc.deviceCode?.params as { scope?: string } | undefined)?.scope ?? '').split(' ')
        await pages.deviceConfirm(ctx, {
          action,
          xsrf: xsrfOf(ctx),
          userCode,
          client: interactionClient(client),
          scopes: scopes.filter(Boolean),
        })
      },
      successSource: async (ctx: KoaContextWithOIDC) => {
        await pages.deviceDone(ctx, { client: clientOf(ctx.oidc.client) })
      },
    },
  }
}
