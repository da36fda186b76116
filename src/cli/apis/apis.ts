/** APIs (resource servers) that accept access tokens of this issuer. */
import type { AddCommand } from '../nouns.ts'
import { apisAdd } from './add.ts'
import { apisCredentials } from './credentials.ts'
import { apisList } from './list.ts'
import { apisRemove } from './remove.ts'
import { apisSet } from './set.ts'

export const apis: AddCommand = (parent, invocation) => {
  for (const add of [apisAdd, apisList, apisSet, apisCredentials, apisRemove]) add(parent, invocation)
}
