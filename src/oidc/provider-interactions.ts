/** Sign-ins under way, on the engine: what `web` reads and how it answers. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import type { Access } from '../consent/consent.ts'
import { Failure } from '../errors/failure.ts'
import { consentDetails } from './consent-details.ts'
import type { FinishedMark } from './engine-adapter.ts'
import { allow, rememberAnswer } from './grants.ts'
import { interactionClient } from './interaction-client.ts'
import { gone } from './interaction-trail.ts'
import type { Interaction, Interactions } from './interactions.ts'
import type { Payload } from './model-store.ts'
import type { Engine, OidcNeeds } from './oidc-needs.ts'
import { UnitOfWork } from './unit-of-work.ts'

type EngineInteraction = InstanceType<Provider['Interaction']> & { finished?: FinishedMark }
type EngineSession = InstanceType<Provider['Session']>

/** Reasons that only proving oneself anew can settle. */
const provingAnew = new Set(['login_prompt', 'max_age', 'essential_acr', 'essential_acrs', 'account_gone'])

/** Who is signed in in this browser; disabled and removed people count until their session is gone. */
export async function findSession(ctx: Context, { provider, cookies }: Engine): Promise<EngineSession | undefined> {
  const id = ctx.cookies.get(cookies.engine.names.session, { signed: true })
  const session = id ? await provider.Session.find(id) : undefined
  return session?.accountId ? session : undefined
}

export function createInteractions(needs: OidcNeeds, engine: () => Engine): Interactions {
  const { names, long } = engine().cookies.engine
  const provider = () => engine().provider

  const csrfToken = (uid: string) =>
    createHmac('sha256', needs.secrets.csrf).update(`interaction ${uid}`).digest('base64url')

  /** Everything an answer changes lands together. */
  async function landing<T>(work: () => Promise<T>): Promise<T> {
    const unit = new UnitOfWork()
    const result = await unit.run(work)
    if (await unit.commit(needs.models)) return result
    throw new Failure(
      'interaction_lost',
      'conflict',
      'This sign-in was finished somewhere else. Start again from the app.',
    )
  }

  const currentSession = (ctx: Context) => findSession(ctx, engine())

  async function load(ctx: Context, uid: string): Promise<EngineInteraction | undefined> {
    // The cookie is sent to this interaction's path only; it is what ties the page to this browser.
    if (ctx.cookies.get(names.interaction, { signed: true }) !== uid) return undefined
    return (await provider().Interaction.find(uid)) as EngineInteraction | undefined
  }

  async function require(ctx: Context, uid: string): Promise<EngineInteraction> {
    const interaction = await load(ctx, uid)
    if (interaction) return interaction
    throw new Failure('interaction_gone', 'missing', 'This sign-in has expired. Start again from the app.')
  }

  /** Ends the session of whoever was signed in before, in the browser and here. */
  async function replaceSession(ctx: Context, interaction: EngineInteraction, session: EngineSession): Promise<void> {
    await session.destroy()
    for (const { grantId } of Object.values(session.authorizations ?? {})) {
      if (!grantId) continue
      UnitOfWork.current?.revokeGrant(grantId)
      UnitOfWork.current?.destroy({ model: 'Grant', id: grantId })
    }
    ctx.cookies.set(names.session, null, long)
    forgetOrigin(interaction)
  }

  async function settle(interaction: EngineInteraction, result: Payload): Promise<string> {
    interaction.result = { ...(interaction.lastSubmission ?? {}), ...result } as EngineInteraction['result']
    await interaction.save(Math.max(1, interaction.exp - Math.floor(Date.now() / 1000)))
    return interaction.returnTo
  }

  return {
    async read(ctx, uid) {
      const interaction = await load(ctx, uid)
      if (!interaction) return gone(needs, uid)
      const client = await provider().Client.find(String(interaction.params.client_id))
      if (!client) return { state: 'gone', client: undefined }
      const described = interactionClient(client, interaction.params.redirect_uri)
      if (interaction.finished) return { state: 'finished', client: described, resumeUrl: interaction.returnTo }
      const seen = describe(interaction, described, await currentSession(ctx))
      const details = await consentDetails(interaction, seen.missing, client, { ...needs, provider: provider() })
      return { state: 'live', interaction: { ...seen, ...details } }
    },

    csrfToken: (_ctx, uid) => csrfToken(uid),
    isCsrfToken(_ctx, uid, token) {
      const expected = Buffer.from(csrfToken(uid))
      const presented = Buffer.from(typeof token === 'string' ? token : '')
      return presented.length === expected.length && timingSafeEqual(presented, expected)
    },

    finishLogin: (ctx, { uid }, login) =>
      landing(async () => {
        const interaction = await require(ctx, uid)
        const session = await currentSession(ctx)
        if (session && session.accountId !== login.accountId) {
          const isGone = interaction.prompt.reasons.includes('account_gone')
          if (session.accountId !== login.switchFrom && !isGone) {
            throw new Failure('account_differs', 'conflict', 'Another person is signed in in this browser.')
          }
          await replaceSession(ctx, interaction, session)
        } else if (!session) {
          forgetOrigin(interaction)
        }
        const { accountId, amr, acr, remember } = login
        return settle(interaction, {
          ...selection(interaction),
          login: { accountId, amr: [...amr], acr, remember, ts: Math.floor(Date.now() / 1000) },
        })
      }),

    continueSession: (ctx, { uid }) =>
      landing(async () => {
        const interaction = await require(ctx, uid)
        const session = await currentSession(ctx)
        if (!session || interaction.prompt.reasons.some((reason) => provingAnew.has(reason))) {
          throw new Failure('sign_in_needed', 'denied', 'Sign in to go on.')
        }
        const { accountId, amr, acr, loginTs, transient } = session as EngineSession & { transient?: boolean }
        if (interaction.prompt.name === 'select_account') return settle(interaction, selection(interaction))
        return settle(interaction, {
          ...selection(interaction),
          login: { accountId, amr, acr, ts: loginTs, remember: !transient },
        })
      }),

    finishConsent: (ctx, { uid, missing }) =>
      landing(async () => {
        const interaction = await require(ctx, uid)
        const session = await currentSession(ctx)
        const accountId = interaction.session?.accountId
        if (!session || session.accountId !== accountId) {
          throw new Failure('account_differs', 'conflict', 'Another person is signed in in this browser.')
        }
        const { Grant } = provider()
        const earlier = interaction.grantId ? await Grant.find(interaction.grantId) : undefined
        const grant = earlier ?? new Grant({ accountId, clientId: String(interaction.params.client_id) })
        allow(grant, missing)
        await rememberAnswer(grant, missing, needs.directory)
        return settle(interaction, { consent: { grantId: await grant.save() } })
      }),

    deny: (ctx, { uid }) =>
      landing(async () => {
        const interaction = await require(ctx, uid)
        interaction.result = { error: 'access_denied', error_description: 'the person declined' }
        await interaction.save(Math.max(1, interaction.exp - Math.floor(Date.now() / 1000)))
        return interaction.returnTo
      }),
  }
}

/** The engine would refuse to resume under a session other than the one it began with. */
function forgetOrigin(interaction: EngineInteraction): void {
  if (interaction.session) interaction.session = { ...interaction.session, uid: undefined } as never
}

/** Having signed in or gone on answers `prompt=select_account` too. */
const selection = (interaction: EngineInteraction): Payload =>
  String(interaction.params.prompt ?? '').includes('select_account') ? { select_account: {} } : {}

function describe(
  interaction: EngineInteraction,
  client: Interaction['client'],
  session: EngineSession | undefined,
): Omit<Interaction, keyof Awaited<ReturnType<typeof consentDetails>>> {
  const { prompt, params, uid } = interaction
  return {
    uid,
    prompt: prompt.name === 'consent' ? 'consent' : 'login',
    reasons: prompt.reasons,
    client,
    loginHint: text(params.login_hint),
    uiLocales: text(params.ui_locales),
    selectAccount: prompt.name === 'select_account' || String(params.prompt ?? '').includes('select_account'),
    session: session?.accountId
      ? {
          accountId: session.accountId,
          uid: session.uid,
          remembered: !(session as EngineSession & { transient?: boolean }).transient,
        }
      : undefined,
    missing: (prompt.details as { missing?: Access }).missing ?? nothing,
  }
}

const nothing: Access = { scopes: [], claims: [], apis: {} }

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
