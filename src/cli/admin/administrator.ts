import type { Account } from '../../accounts/account.ts'
import { Failure } from '../../errors/failure.ts'
import type { Desk } from '../desk.ts'
import { getPerson } from '../users/person.ts'

/** @throws Failure `account_missing`, `not_an_administrator`. */
export async function getAdministrator(desk: Pick<Desk, 'accounts'>, named: string): Promise<Account> {
  const person = await getPerson(desk, named)
  if (person.isAdmin) return person
  throw new Failure('not_an_administrator', 'conflict', `${person.email} is not an administrator.`, {
    detail: { hints: [`'claviger admin create ${person.email} --existing' makes this person an administrator`] },
  })
}
