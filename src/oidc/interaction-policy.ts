/** When a person must be asked something: sign in, choose an account, consent. */
import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import { recordOf } from './engine-clients.ts'

const { Check, Prompt, base } = interactionPolicy

/** Kept on the engine's context: what the person answered, by prompt. */
const answered = (ctx: KoaContextWithOIDC, prompt: string) => ctx.oidc.result?.[prompt] !== undefined

const isFirstParty = (ctx: KoaContextWithOIDC) => recordOf(ctx.oidc.client).firstParty

export function createInteractionPolicy() {
  const policy = base()

  // Without a session there is no choice to offer: signing in is the choice.
  const selectAccount = new Prompt({ name: 'select_account', requestable: true })
  selectAccount.checks.clear()
  selectAccount.checks.add(
    new Check('select_account_prompt', 'select_account prompt was not resolved', 'account_selection_required', (ctx) =>
      ctx.oidc.promptPending('select_account') && !answered(ctx, 'login') && Boolean(ctx.oidc.session?.accountId),
    ),
  )
  policy.add(selectAccount, 0)

  // The engine would fail with 500 when a session outlives its account.
  policy
    .get('login')
    ?.checks.add(
      new Check('account_gone', 'the account of this session may not sign in any more', 'login_required', (ctx) =>
        Boolean(ctx.oidc.session?.accountId && !ctx.oidc.account),
      ),
      0,
    )

  const consent = policy.get('consent')
  consent?.checks.remove('consent_prompt')
  consent?.checks.remove('native_client_prompt')
  consent?.checks.add(
    new Check('consent_prompt', 'consent prompt was not resolved', 'consent_required', (ctx) =>
      ctx.oidc.promptPending('consent') && !isFirstParty(ctx),
    ),
    0,
  )
  // RFC 8252 §8.6: anybody may claim a native app's identity, so a person is asked every time, but for our own apps.
  consent?.checks.add(
    new Check('native_client_prompt', 'native clients require End-User interaction', 'interaction_required', (ctx) =>
      ctx.oidc.client?.applicationType === 'native' && !answered(ctx, 'consent') && !isFirstParty(ctx),
    ),
    1,
  )
  return policy
}
