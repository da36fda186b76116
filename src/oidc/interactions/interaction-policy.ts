/** Decides when a person must choose an account, sign in or consent. */
import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import { asksConsent, consentLasts } from '../../consent/consent.ts'
import { recordOf } from '../engine/engine-clients.ts'
import { accessMissing, accessRequested } from './grants.ts'

const { Check, Prompt, base } = interactionPolicy

/** Has the person answered this prompt? The engine's context keeps the answers by prompt. */
const isAnswered = (ctx: KoaContextWithOIDC, prompt: string) => ctx.oidc.result?.[prompt] !== undefined

const isAsked = (ctx: KoaContextWithOIDC) => asksConsent(recordOf(ctx.oidc.client))

export function createInteractionPolicy() {
  const policy = base()
  policy.add(choiceOfAccount(), 0)
  // The engine would fail with 500 when a session outlives its account.
  policy
    .get('login')
    ?.checks.add(
      new Check('account_gone', 'the account of this session may not sign in any more', 'login_required', (ctx) =>
        Boolean(ctx.oidc.session?.accountId && !ctx.oidc.account),
      ),
      0,
    )
  policy.get('login')?.checks.add(failUnmetAcr(), 0)
  policy.remove('consent')
  policy.add(consent())
  return policy
}

/**
 * Refuses a request with an essential `acr` that a fresh sign-in did not reach (OpenID Connect Core §5.5.1.1). The
 * engine would ask the person for the same password again and again.
 */
function failUnmetAcr() {
  return new Check('acr_unmet', 'the requested acr cannot be reached', 'unmet_authentication_requirements', (ctx) => {
    const { essential, value, values } = ctx.oidc.claims?.id_token?.acr ?? {}
    if (!essential || !isAnswered(ctx, 'login')) return false
    const wanted = Array.isArray(values) ? values : value === undefined ? [] : [value]
    if (wanted.length === 0 || wanted.includes(ctx.oidc.acr)) return false
    throw new errors.UnmetAuthenticationRequirements('none of the essential acr values could be reached')
  })
}

/** Without a session there is no account to choose, so the person signs in instead. */
function choiceOfAccount() {
  const check = new Check(
    'select_account_prompt',
    'select_account prompt was not resolved',
    'account_selection_required',
    (ctx) =>
      ctx.oidc.promptPending('select_account') && !isAnswered(ctx, 'login') && Boolean(ctx.oidc.session?.accountId),
  )
  const prompt = new Prompt({ name: 'select_account', requestable: true })
  prompt.checks.clear()
  prompt.checks.add(check)
  return prompt
}

/** The page shows everything that the app asks for, even if the person allowed it before. */
const askForAll = (ctx: KoaContextWithOIDC) => ({ missing: accessRequested(ctx) })

function consent() {
  const prompt = new Prompt({ name: 'consent', requestable: true })
  prompt.checks.clear()
  prompt.checks.add(
    new Check(
      'consent_prompt',
      'consent prompt was not resolved',
      'consent_required',
      (ctx) => isAsked(ctx) && ctx.oidc.promptPending('consent'),
      askForAll,
    ),
  )
  // RFC 8628 §5.4, RFC 10027: the person confirms the device each time, even after an earlier consent.
  prompt.checks.add(
    new Check(
      'device_confirmation',
      'the person has not confirmed the device',
      'interaction_required',
      (ctx) => ctx.oidc.deviceCode !== undefined && !isAnswered(ctx, 'consent'),
      askForAll,
    ),
  )
  // RFC 8252 §8.6: any program may claim a native app's identity, so the person is asked every time.
  prompt.checks.add(
    new Check(
      'native_client_prompt',
      'native clients require End-User interaction',
      'interaction_required',
      (ctx) => consentLasts(recordOf(ctx.oidc.client)) === 'once' && !isAnswered(ctx, 'consent'),
      askForAll,
    ),
  )
  prompt.checks.add(
    new Check(
      'access_missing',
      'not everything that is asked for was granted',
      'consent_required',
      (ctx) => isAsked(ctx) && accessMissing(ctx, ctx.oidc.grant) !== undefined,
      (ctx) => ({ missing: accessMissing(ctx, ctx.oidc.grant) }),
    ),
  )
  return prompt
}
