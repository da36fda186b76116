/** Implements `Interactions` on the engine. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import type { Access } from '../../consent/consent.ts'
import { Failure } from '../../errors/failure.ts'
import { findBrowserSession, wasStartedHere } from '../device/device-start.ts'
import type { Engine, OidcNeeds } from '../oidc-needs.ts'
import type { FinishedMark } from '../state/engine-adapter.ts'
import type { Payload } from '../state/model-store.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'
import { consentDetails } from './consent-details.ts'
import { allow, rememberAnswer } from './grants.ts'
import { interactionClient } from './interaction-client.ts'
import type { Answerable } from './interaction-proof.ts'
import { gone } from './interaction-trail.ts'
import type { Interaction, Interactions } from './interactions.ts'

type EngineInteraction = InstanceType<Provider['Interaction']> & Answerable & { finished?: FinishedMark }
type EngineSession = InstanceType<Provider['Session']>

/** One answer of a person. */
interface Decision {
  /** The account that answers; empty when no account is signed in. */
  accountId: string
  /** Called once, and only while the interaction is not finished. */
  result(): Payload | Promise<Payload>
}
/** @throws Failure when this answer may not be given here */
type Decide = (interaction: EngineInteraction, session: EngineSession | undefined) => Decision

/** Reasons that only a new sign-in can settle. */
const newSignInReasons = new Set(['login_prompt', 'max_age', 'essential_acr', 'essential_acrs', 'account_gone'])

/**
 * The browser's session, if an account is signed in. Disabled and removed accounts count until their session is
 * deleted.
 */
export async function findSession(ctx: Context, engine: Engine): Promise<EngineSession | undefined> {
  const session = await findBrowserSession(ctx, engine)
  return session?.accountId ? session : undefined
}

export function createInteractions(needs: OidcNeeds, engine: () => Engine): Interactions {
  const { names, long } = engine().cookies.engine
  const provider = () => engine().provider
  const proofs = () => engine().proofs

  const csrfToken = (uid: string) =>
    createHmac('sha256', needs.secrets.csrf).update(`interaction ${uid}`).digest('base64url')

  /**
   * Every answer to an interaction goes through this function. One commit stores all changes of the answer. Then the
   * browser gets the proof that the engine requires to resume. A finished interaction keeps its result. The same
   * account may answer again for a further proof, because a browser may have lost the first one.
   */
  async function settle(ctx: Context, uid: string, decide: Decide): Promise<string> {
    const unit = new UnitOfWork()
    const { returnTo, secret } = await unit.run(async () => {
      const interaction = await require(ctx, uid)
      const { accountId, result } = decide(interaction, await currentSession(ctx))
      if (interaction.finished && interaction.answeredBy !== accountId) throw expired()
      if (!interaction.finished) {
        interaction.result = (await result()) as EngineInteraction['result']
        interaction.answeredBy = accountId
        await interaction.save(Math.max(1, interaction.exp - Math.floor(Date.now() / 1000)))
      }
      return { returnTo: interaction.returnTo, secret: proofs().issue(interaction) }
    })
    if (!(await unit.commit(needs.models))) {
      throw new Failure(
        'interaction_lost',
        'conflict',
        'This sign-in was finished somewhere else. Start again from the app.',
      )
    }
    proofs().handOver(ctx, uid, secret)
    return returnTo
  }

  const currentSession = (ctx: Context) => findSession(ctx, engine())

  async function load(ctx: Context, uid: string): Promise<EngineInteraction | undefined> {
    // Browsers send this cookie to this interaction's path only. Another subdomain can set it, so resuming needs a
    // proof, too.
    if (ctx.cookies.get(names.interaction, { signed: true }) !== uid) return undefined
    const interaction = (await provider().Interaction.find(uid)) as EngineInteraction | undefined
    return interaction && (await wasStartedHere(ctx, interaction, engine())) ? interaction : undefined
  }

  async function require(ctx: Context, uid: string): Promise<EngineInteraction> {
    const interaction = await load(ctx, uid)
    if (interaction) return interaction
    throw expired()
  }

  /** Ends the session of the account that was signed in before, in the browser and in the database. */
  async function replaceSession(ctx: Context, session: EngineSession): Promise<void> {
    await session.destroy()
    for (const { grantId } of Object.values(session.authorizations ?? {})) {
      if (!grantId) continue
      UnitOfWork.current?.revokeGrant(grantId)
      UnitOfWork.current?.destroy({ model: 'Grant', id: grantId })
    }
    ctx.cookies.set(names.session, null, long)
  }

  return {
    async read(ctx, uid) {
      const interaction = await load(ctx, uid)
      if (!interaction) return gone(needs, uid)
      const client = await provider().Client.find(String(interaction.params.client_id))
      if (!client) return { state: 'gone', client: undefined }
      const described = interactionClient(client, interaction.params.redirect_uri)
      if (interaction.finished && (await proofs().holds(ctx, interaction))) {
        return { state: 'finished', client: described, resumeUrl: interaction.returnTo }
      }
      const state = interaction.finished ? 'answered' : 'live'
      const known = describe(interaction, described, await currentSession(ctx))
      const details = await consentDetails(interaction, known.missing, client, { ...needs, provider: provider() })
      return { state, interaction: { ...known, ...details } }
    },

    csrfToken: (_ctx, uid) => csrfToken(uid),
    isCsrfToken(_ctx, uid, token) {
      const expected = Buffer.from(csrfToken(uid))
      const presented = Buffer.from(typeof token === 'string' ? token : '')
      return presented.length === expected.length && timingSafeEqual(presented, expected)
    },

    finishLogin: (ctx, { uid }, login) =>
      settle(ctx, uid, (interaction, session) => {
        const { accountId, amr, acr, remember } = login
        const leaving = session && session.accountId !== accountId ? session : undefined
        const isGone = interaction.prompt.reasons.includes('account_gone')
        if (leaving && leaving.accountId !== login.switchFrom && !isGone) throw anotherPerson()
        return {
          accountId,
          async result() {
            if (leaving) await replaceSession(ctx, leaving)
            if (leaving || !session) forgetOrigin(interaction)
            const ts = Math.floor(Date.now() / 1000)
            return { ...givenBefore(interaction), login: { accountId, amr: [...amr], acr, remember, ts } }
          },
        }
      }),

    continueSession: (ctx, { uid }) =>
      settle(ctx, uid, (interaction, session) => {
        if (!session?.accountId || interaction.prompt.reasons.some((reason) => newSignInReasons.has(reason))) {
          throw new Failure('sign_in_needed', 'denied', 'Sign in to continue.')
        }
        const { accountId, amr, acr, loginTs, transient } = session as EngineSession & { transient?: boolean }
        const login = { accountId, amr, acr, ts: loginTs, remember: !transient }
        const isChoice = interaction.prompt.name === 'select_account'
        return {
          accountId: session.accountId,
          result: () => ({ ...givenBefore(interaction), ...(isChoice ? {} : { login }) }),
        }
      }),

    finishConsent: (ctx, { uid, missing }) =>
      settle(ctx, uid, (interaction, session) => {
        const accountId = interaction.session?.accountId
        if (!accountId || session?.accountId !== accountId) throw anotherPerson()
        return {
          accountId,
          async result() {
            const { Grant } = provider()
            const earlier = interaction.grantId ? await Grant.find(interaction.grantId) : undefined
            const grant = earlier ?? new Grant({ accountId, clientId: String(interaction.params.client_id) })
            allow(grant, missing)
            await rememberAnswer(grant, missing, needs.directory)
            return { ...interaction.lastSubmission, consent: { grantId: await grant.save() } }
          },
        }
      }),

    deny: (ctx, { uid }) =>
      settle(ctx, uid, (_interaction, session) => ({
        accountId: session?.accountId ?? '',
        result: () => ({ error: 'access_denied', error_description: 'the person declined' }),
      })),
  }
}

const expired = () => new Failure('interaction_gone', 'missing', 'This sign-in has expired. Start again from the app.')

const anotherPerson = () => new Failure('account_differs', 'conflict', 'Another person is signed in in this browser.')

/** Removes the session with which the interaction began. The engine would refuse to resume under another session. */
function forgetOrigin(interaction: EngineInteraction): void {
  if (interaction.session) interaction.session = { ...interaction.session, uid: undefined } as never
}

/** The answers of earlier steps. A sign-in or a continued session answers `prompt=select_account`, too. */
const givenBefore = ({ lastSubmission, params }: EngineInteraction): Payload => ({
  ...lastSubmission,
  ...(String(params.prompt ?? '').includes('select_account') ? { select_account: {} } : {}),
})

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
