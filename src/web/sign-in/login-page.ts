/** The sign-in form and the pages on which a person chooses an account. */
import type { Context } from 'koa'
import type { Account } from '../../accounts/account.ts'
import type { Interaction } from '../../oidc/interactions/interactions.ts'
import { viewOf } from '../pages/client-view.ts'
import { formPath, type InteractionNeeds } from './interaction-needs.ts'

/** Reasons that require a fresh authentication, even with a session. */
const needingFreshProof = new Set(['login_prompt', 'max_age', 'essential_acr', 'essential_acrs'])
/** Reasons for which another account must sign in. */
const needingAnother = new Set(['id_token_hint', 'claims_id_token_sub_value'])

const any = (reasons: readonly string[], among: ReadonlySet<string>): boolean =>
  reasons.some((reason) => among.has(reason))

/** @returns the signed-in account; undefined when it is removed or disabled, or when no person is signed in */
export async function personOf(interaction: Interaction, needs: InteractionNeeds): Promise<Account | undefined> {
  const { session, reasons } = interaction
  if (!session || reasons.includes('account_gone')) return undefined
  const account = await needs.accounts.find(session.accountId)
  return account && !account.disabledAt ? account : undefined
}

/** Shows the sign-in form, or the account chooser when a session suffices. */
export async function showSignIn(ctx: Context, interaction: Interaction, needs: InteractionNeeds): Promise<void> {
  const person = await personOf(interaction, needs)
  const { loginHint = '', reasons } = interaction
  if (!person) return showLogin(ctx, interaction, needs, { login: loginHint })
  if (ctx.query['another'] !== undefined || any(reasons, needingAnother)) {
    return showLogin(ctx, interaction, needs, {
      login: ctx.query['another'] === undefined ? loginHint : '',
      leaving: person,
    })
  }
  if (!any(reasons, needingFreshProof)) return showChooser(ctx, interaction, needs, person)
  const isOtherAccount = loginHint !== '' && loginHint.toLowerCase() !== person.email.toLowerCase()
  if (isOtherAccount) return showLogin(ctx, interaction, needs, { login: loginHint, leaving: person })
  const remember = interaction.session?.remembered ?? false
  showLogin(ctx, interaction, needs, { login: person.email, again: person, remember })
}

export interface LoginForm {
  login: string
  remember?: boolean
  /** The signed-in account that must enter its password again. */
  again?: Account
  /** The signed-in account. A sign-in with another account signs it out. */
  leaving?: Account
  fault?: 'wrong' | 'throttled' | 'busy'
  retryAfterSeconds?: number | undefined
}

const statusOfFault = { wrong: 422, throttled: 429, busy: 503 } as const
const longestShown = 320

export function showLogin(ctx: Context, interaction: Interaction, needs: InteractionNeeds, form: LoginForm): void {
  const { uiLocales } = interaction
  const { url, csrf, client } = frame(ctx, interaction, needs)
  const { fault, retryAfterSeconds, again, leaving, remember = false } = form
  const data = {
    client,
    csrf,
    fault,
    remember,
    retryAfterSeconds,
    login: form.login.slice(0, longestShown),
    again: again && describe(again),
    leaving: leaving && { ...describe(leaving), id: leaving.id },
    action: url('login'),
    cancelAction: url('cancel'),
    anotherHref: again && url(undefined, { another: '1' }),
  }
  needs.pages.show(ctx, 'login', data, {
    status: fault ? statusOfFault[fault] : 200,
    uiLocales,
    keepsOpener: true,
    ...(fault && retryAfterSeconds ? { headers: { 'Retry-After': String(Math.ceil(retryAfterSeconds)) } } : {}),
  })
}

/** Offers "Continue as …" and another account. */
export function showChooser(ctx: Context, interaction: Interaction, needs: InteractionNeeds, person: Account): void {
  const { url, csrf, client } = frame(ctx, interaction, needs)
  const data = {
    client,
    csrf,
    person: describe(person),
    action: url('continue'),
    anotherHref: url(undefined, { another: '1' }),
    cancelAction: url('cancel'),
  }
  needs.pages.show(ctx, 'choose-account', data, {
    uiLocales: interaction.uiLocales,
    keepsOpener: true,
    languagePath: `/interaction/${interaction.uid}`,
  })
}

/** Asks which account to use after account `to` entered its password while account `from` is signed in. */
export function showSwitch(
  ctx: Context,
  interaction: Interaction,
  needs: InteractionNeeds,
  people: { from: Account; to: Account; ticket: string },
): void {
  const { url, csrf, client } = frame(ctx, interaction, needs)
  const { from, to, ticket } = people
  const mustProve = any(interaction.reasons, needingFreshProof)
  const data = {
    client,
    csrf,
    ticket,
    mustProve,
    from: describe(from),
    to: describe(to),
    switchAction: url('switch'),
    continueAction: url('continue'),
    proveHref: url(),
  }
  needs.pages.show(ctx, 'switch-account', data, { uiLocales: interaction.uiLocales, keepsOpener: true })
}

function frame(ctx: Context, { uid, client }: Interaction, needs: InteractionNeeds) {
  return {
    client: viewOf(client),
    csrf: needs.interactions.csrfToken(ctx, uid),
    url: (action?: string, query?: Record<string, string>) =>
      `${needs.pages.place.base}${formPath(uid, action, query)}`,
  }
}

const describe = ({ name, email }: Account) => ({ name: name ?? email, email })
