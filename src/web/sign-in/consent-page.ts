/** The consent page: asks a person which access an app gets, and in the device flow whether the device is theirs. */
import type { Context } from 'koa'
import type { Interaction } from '../../oidc/interactions/interactions.ts'
import { viewOf } from '../pages/client-view.ts'
import { askedFor } from './asked.ts'
import { showUnusable } from './dead-interaction.ts'
import { formPath, type InteractionNeeds } from './interaction-needs.ts'
import { personOf } from './login-page.ts'
import { type FormAction, go } from './sign-in-form.ts'

export async function showConsent(
  ctx: Context,
  interaction: Interaction,
  needs: InteractionNeeds,
  isUndecided = false,
): Promise<void> {
  const person = await personOf(interaction, needs)
  // The person signed out in another tab, so no account can give consent.
  if (!person) return showUnusable(ctx, { client: interaction.client, uiLocales: interaction.uiLocales }, needs)
  const { uid, client, missing, apis, device, isRemembered, uiLocales } = interaction
  const { base } = needs.pages.place
  const data = {
    client: viewOf(client),
    csrf: needs.interactions.csrfToken(ctx, uid),
    action: `${base}${formPath(uid, 'consent')}`,
    anotherHref: `${base}${formPath(uid, undefined, { another: '1' })}`,
    person: { name: person.name ?? person.email, email: person.email },
    asked: askedFor(missing, apis, needs.pages.languageFor(ctx, uiLocales)),
    device,
    isRemembered,
    isUndecided,
  }
  const options = { uiLocales, keepsOpener: true, languagePath: `/interaction/${uid}` }
  needs.pages.show(ctx, 'consent', data, { ...options, status: isUndecided ? 422 : 200 })
}

export const submitConsent: FormAction = async (ctx, interaction, fields, needs) => {
  const decision = fields.get('decision')
  if (decision !== 'allow' && decision !== 'deny') return showConsent(ctx, interaction, needs, true)
  const isAllowed = decision === 'allow'
  const { interactions, events } = needs
  const location = await (isAllowed
    ? interactions.finishConsent(ctx, interaction)
    : interactions.deny(ctx, interaction))
  const about = eventFields(ctx, interaction)
  if (isAllowed) events.consentGranted({ ...about, scopes: allScopes(interaction.missing) })
  else events.consentDenied(about)
  go(ctx, location, needs)
}

const eventFields = ({ state }: Context, { client, session }: Interaction) => ({
  accountId: session?.accountId ?? '',
  clientId: client.id,
  source: state.source as string | undefined,
  requestId: state.requestId as string | undefined,
})

const allScopes = ({ scopes, apis }: Interaction['missing']): string[] => [...scopes, ...Object.values(apis).flat()]
