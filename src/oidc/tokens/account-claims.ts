/** Finds accounts for the engine. Disabled and removed accounts are not found. */
import type { ClaimsParameterMember, Account as EngineAccount, KoaContextWithOIDC } from 'oidc-provider'
import type { Account, AccountId } from '../../accounts/account.ts'
import { accountClaims } from '../../accounts/account-claims.ts'
import type { AccountStore } from '../../accounts/account-store.ts'
import { recordOf } from '../engine/engine-clients.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

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
 * The engine selects from these claims by scope. ID tokens contain them unless the client is set otherwise. Claims that
 * the `claims` parameter names are always included.
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
