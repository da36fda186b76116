/** A person as the engine sees them. Disabled and removed ones are not there. */
import type { ClaimsParameterMember, Account as EngineAccount, KoaContextWithOIDC } from 'oidc-provider'
import type { Account, AccountId } from '../accounts/account.ts'
import { accountClaims } from '../accounts/account-claims.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { recordOf } from './engine-clients.ts'
import { UnitOfWork } from './unit-of-work.ts'

export async function findAccount(
  ctx: KoaContextWithOIDC,
  id: AccountId,
  accounts: Pick<AccountStore, 'find'>,
): Promise<EngineAccount | undefined> {
  const known = UnitOfWork.current?.recallAccount(id)
  const account = known ? known.account : await UnitOfWork.asking(() => accounts.find(id))
  if (!known) UnitOfWork.current?.learnAccount(id, account)
  if (!account || account.disabledAt) return undefined
  return { accountId: account.id, claims: async (use, _scope, asked) => claimsFor(ctx, account, use, asked) }
}

/**
 * The engine picks from these by scope. They are in the ID token unless the client is set otherwise; what the `claims`
 * parameter names always is.
 */
function claimsFor(
  ctx: KoaContextWithOIDC,
  account: Account,
  use: string,
  asked: Record<string, ClaimsParameterMember | null>,
) {
  const claims = accountClaims(account)
  if (use !== 'id_token' || recordOf(ctx.oidc.client).claimsInIdToken) return { sub: account.id, ...claims }
  const named = Object.entries(claims).filter(([claim]) => claim in asked)
  return { sub: account.id, ...Object.fromEntries(named) }
}
