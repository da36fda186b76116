/** A person's own page: who is signed in here, and the way out. */
import type { Context, Middleware } from 'koa'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Pages } from './pages.ts'

export interface AccountRoutesNeeds {
  pages: Pages
  accounts: Pick<AccountStore, 'find'>
  /** Who is signed in in this browser. */
  currentSession(ctx: Context): Promise<{ accountId: string } | undefined>
}

export function accountRoutes({ pages, accounts, currentSession }: AccountRoutesNeeds): Middleware {
  return async (ctx) => {
    const session = await currentSession(ctx)
    const account = session && (await accounts.find(session.accountId))
    const person =
      account && !account.disabledAt ? { name: account.name ?? account.email, email: account.email } : undefined
    pages.show(
      ctx,
      'account',
      { person, signOutAction: `${pages.place.base}/session/end` },
      { languagePath: '/account' },
    )
  }
}
