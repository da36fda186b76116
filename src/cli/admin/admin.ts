/** Administrators. */
import type { AddCommand } from '../nouns.ts'
import { adminCreate } from './create.ts'
import { adminReset } from './reset.ts'
import { adminUnlock } from './unlock.ts'

export const admin: AddCommand = (parent, invocation) => {
  for (const add of [adminCreate, adminReset, adminUnlock]) add(parent, invocation)
}
