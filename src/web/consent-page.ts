/** Asks a person what an app may know and do; the app waits outside. */
import type { Context } from 'koa'
import type { Interaction } from '../oidc/interactions.ts'
import { viewOf } from './client-view.ts'
import { showUnusable } from './dead-interaction.ts'
import { type InteractionNeeds, interactionPath } from './interaction-needs.ts'
import { personOf } from './login-page.ts'
import { scopeLines } from './scope-lines.ts'
import { type FormAction, go } from './sign-in-form.ts'

export async function showConsent(
  ctx: Context,
  interaction: Interaction,
  needs: InteractionNeeds,
  isUndecided = false,
): Promise<void> {
  const person = await personOf(interaction, needs)
  // Signed out in another tab: nobody is there to allow anything.
  if (!person) return showUnusable(ctx, { client: interaction.client, uiLocales: interaction.uiLocales }, needs)
  const { uid, client, missing, uiLocales } = interaction
  const data = {
    client: viewOf(client),
    csrf: needs.interactions.csrfToken(ctx, uid),
    action: `${needs.pages.place.base}${interactionPath(ctx, uid, 'consent')}`,
    person: { name: person.name ?? person.email, email: person.email },
    lines: scopeLines(missing, needs.pages.languageFor(ctx, uiLocales)),
    isOffline: missing.scopes.includes('offline_access'),
    isUndecided,
  }
  const options = { uiLocales, keepsOpener: true, languagePath: `/interaction/${uid}` }
  needs.pages.show(ctx, 'consent', data, { ...options, status: isUndecided ? 422 : 200 })
}

export const submitConsent: FormAction = async (ctx, interaction, fields, needs) => {
  const decision = fields.get('decision')
  if (decision === 'allow') return go(ctx, await needs.interactions.finishConsent(ctx, interaction), needs)
  if (decision === 'deny') return go(ctx, await needs.interactions.deny(ctx, interaction), needs)
  await showConsent(ctx, interaction, needs, true)
}
