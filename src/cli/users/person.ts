/** How commands name a person, and how they show one. */
import type { Account } from '../../accounts/account.ts'
import type { Ended } from '../../accounts/account-store.ts'
import { localPartOf } from '../../accounts/username.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import type { Desk } from '../desk.ts'
import { counted, dated } from '../moment.ts'
import type { Cell, Printer } from '../printer.ts'

export const personArgument = ['<person>', 'email address or account id (acc_…)'] as const

/** @throws Failure `account_missing`. */
export async function getPerson(desk: Pick<Desk, 'accounts'>, named: string): Promise<Account> {
  const found = named.startsWith('acc_') ? await desk.accounts.find(named) : undefined
  // Last, for imported people that kept their own id.
  const account = found ?? (await desk.accounts.findByLogin(named)) ?? (await desk.accounts.find(named))
  if (account) return account
  throw new Failure('account_missing', 'missing', `There is no person ${quoted(named)}.`, {
    detail: { hints: ["'claviger users list --search …' finds people by a part of name or address"] },
  })
}

/** The JSON of a person. */
export const personJson = (account: Account) => ({
  id: account.id,
  email: account.email,
  email_verified: account.emailVerified,
  name: account.name ?? null,
  username: account.username ?? null,
  admin: account.isAdmin,
  disabled_at: account.disabledAt ?? null,
  created_at: account.createdAt,
  updated_at: account.updatedAt,
})

export const personState = (account: Account): Cell => {
  if (account.disabledAt) return { text: 'disabled', tone: 'bad' }
  return account.isAdmin ? { text: 'administrator', tone: 'good' } : 'active'
}

export function printPerson(printer: Printer, person: Account, sessions: readonly string[] = []): void {
  const now = printer.now()
  printer.fields([
    ['id', person.id],
    ['email', `${person.email}${person.emailVerified ? '' : ' (not verified)'}`],
    ['name', person.name],
    ['username', person.username ?? fallbackText(person)],
    ['state', personState(person)],
    ['disabled', dated(person.disabledAt, now)],
    ['added', dated(person.createdAt, now)],
    ['claims', claimLines(person)],
    ['sessions', sessions],
  ])
}

const fallbackText = ({ claims, email }: Account): string =>
  `none; apps see ${claims.preferred_username ?? localPartOf(email)} as preferred_username`

const claimLines = ({ claims }: Account): string[] =>
  Object.entries(claims)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .sort()

export const endedJson = (ended: Ended) => ({
  sessions_ended: ended.sessions,
  grants_ended: ended.grants,
  refresh_tokens_ended: ended.refreshTokens,
})

/** `2 sessions and 3 refresh tokens ended`. */
export const endedText = (ended: Ended): string =>
  `${counted(ended.sessions, 'session')}, ${counted(ended.grants, 'grant')} and ${counted(ended.refreshTokens, 'refresh token')} ended`
