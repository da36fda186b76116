/** `/interaction/:uid` and its forms. A GET changes nothing. A POST must come from Claviger's own page with its CSRF token. */
import type { Context, Middleware } from 'koa'
import { Failure } from '../../errors/failure.ts'
import type { Interaction, InteractionLookup } from '../../oidc/interactions/interactions.ts'
import { readForm } from '../bodies/form-body.ts'
import { refuseCrossSite } from '../bodies/form-origin.ts'
import { HttpRefusal } from '../routing/http-refusal.ts'
import { showConsent, submitConsent } from './consent-page.ts'
import { answerDead } from './dead-interaction.ts'
import { formPath, type InteractionNeeds, interactionPath, seeOther } from './interaction-needs.ts'
import { personOf, showChooser, showSignIn } from './login-page.ts'
import { type FormAction, submitCancel, submitContinue, submitLogin, submitSwitch } from './sign-in-form.ts'

const actions = new Map<string, FormAction>([
  ['login', submitLogin],
  ['switch', submitSwitch],
  ['continue', submitContinue],
  ['consent', submitConsent],
  ['cancel', submitCancel],
])

/** Failure codes of the engine for a form that arrived after its interaction ended. */
const arrivedTooLate = new Set(['interaction_lost', 'interaction_gone'])
const route = /^\/interaction\/([\w-]{1,64})(?:\/([a-z]+))?\/?$/

export function interactionRoutes(needs: InteractionNeeds): Middleware {
  return async (ctx) => {
    const [, uid, action] = route.exec(ctx.path) ?? []
    if (uid === undefined || (action !== undefined && !actions.has(action)))
      throw new Failure('page_missing', 'missing', 'There is no such page.')
    if (ctx.method === 'POST') await submit(ctx, uid, action, needs)
    else await show(ctx, uid, action, needs)
  }
}

async function show(ctx: Context, uid: string, action: string | undefined, needs: InteractionNeeds): Promise<void> {
  const lookup = await needs.interactions.read(ctx, uid)
  if (lookup.state !== 'live') return answerDead(ctx, lookup, needs)
  // A GET of a form's address, typed or reloaded, leads to the page of the form.
  if (action !== undefined) return seeOther(ctx, `${needs.pages.place.base}${interactionPath(ctx, uid)}`)
  await showLive(ctx, lookup.interaction, needs)
}

const showLive = (ctx: Context, interaction: Interaction, needs: InteractionNeeds): Promise<void> =>
  interaction.prompt === 'consent' && ctx.query['another'] === undefined
    ? showConsent(ctx, interaction, needs)
    : showSignIn(ctx, interaction, needs)

async function submit(ctx: Context, uid: string, action: string | undefined, needs: InteractionNeeds): Promise<void> {
  refuseCrossSite(ctx, needs.pages.place)
  const fields = await readForm(ctx)
  const lookup = await needs.interactions.read(ctx, uid)
  if (lookup.state !== 'live' && lookup.state !== 'answered') return answerDead(ctx, lookup, needs)
  if (!needs.interactions.isCsrfToken(ctx, uid, fields.get('csrf'))) return refuseForgery(ctx, uid, needs)
  const perform = actions.get(action ?? '')
  if (!perform) throw new HttpRefusal(405, 'This page does not accept POST.', { Allow: 'GET, HEAD' })
  try {
    await perform(ctx, lookup.interaction, fields, needs)
  } catch (error) {
    if (!(await answerOvertaken(ctx, uid, error, needs))) throw error
  }
}

/** Answers a form after another tab has finished the interaction. The current state of the interaction decides the answer. */
async function answerOvertaken(ctx: Context, uid: string, error: unknown, needs: InteractionNeeds): Promise<boolean> {
  if (!(error instanceof Failure)) return false
  if (error.code === 'account_differs') return showDiffering(ctx, await needs.interactions.read(ctx, uid), needs)
  if (!arrivedTooLate.has(error.code)) return false
  const lookup = await needs.interactions.read(ctx, uid)
  if (lookup.state === 'live') return false
  answerDead(ctx, lookup, needs)
  return true
}

async function showDiffering(ctx: Context, lookup: InteractionLookup, needs: InteractionNeeds): Promise<boolean> {
  if (lookup.state !== 'live') {
    answerDead(ctx, lookup, needs)
    return true
  }
  const { interaction } = lookup
  const person = await personOf(interaction, needs)
  if (person && interaction.prompt === 'login') showChooser(ctx, interaction, needs, person)
  else answerDead(ctx, { state: 'gone', client: interaction.client }, needs)
  return true
}

/** The CSRF token does not match: the page was too old or from another browser. The answer links to a new page. */
function refuseForgery(ctx: Context, uid: string, { pages, log }: InteractionNeeds): void {
  log.info({ requestId: ctx.state.requestId, code: 'csrf' }, 'request refused')
  const retryHref = `${pages.place.base}${formPath(uid)}`
  pages.show(ctx, 'error', { kind: '403', retryAfterSeconds: 0, client: undefined, retryHref }, { status: 403 })
}
