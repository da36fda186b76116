import { z } from 'zod'
import type { Account } from '../../accounts/account.ts'
import { accountClaims } from '../../accounts/account-claims.ts'
import { changedProfile, type ProfileChanges } from '../../accounts/changed-profile.ts'
import { Failure } from '../../errors/failure.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { accountId, checkedByItsRoom } from '../schemas.ts'

/** Changes name, address and claims of a person; they stay signed in. `fields` names the claims that changed. */
export const updatePerson = operation({
  name: 'people.update',
  right: 'people.write',
  risk: 'medium',
  records: ['account.changed'],
  input: z.strictObject({ id: accountId, changes: checkedByItsRoom<ProfileChanges>() }),
  target: ({ id }) => ({ account: id }),
  plan: touchesNothingElse,
  async run({ accounts }, { id, changes }) {
    const before = await accounts.find(id)
    if (!before) throw new Failure('account_missing', 'missing', 'There is no such account.')
    // Applies the change to the stored account, so that neither of two concurrent changes is lost.
    const after = await accounts.update(id, (account) => changedProfile(account, changes))
    const fields = changedFields(before, after)
    const moved = before.email === after.email ? {} : { from: before.email, to: after.email }
    return { output: { account: after, fields }, entry: { kind: 'account.changed', detail: { fields, ...moved } } }
  },
})

/** Names of the changed claims, as tokens use them. */
function changedFields(before: Account, after: Account): string[] {
  const [old, fresh] = [accountClaims(before), accountClaims(after)]
  const names = new Set([...Object.keys(old), ...Object.keys(fresh)])
  const isChanged = (name: string) => JSON.stringify(old[name]) !== JSON.stringify(fresh[name])
  return [...names].filter((name) => name !== 'updated_at' && isChanged(name)).sort()
}
