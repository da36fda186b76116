/** Clients: apps that sign people in or call APIs. */
import type { AddCommand } from '../nouns.ts'
import { clientsAdd } from './add.ts'
import { clientsCheck } from './check.ts'
import { clientsExplain } from './explain.ts'
import { clientsList } from './list.ts'
import { clientsPreview } from './preview.ts'
import { clientsRemove } from './remove.ts'
import { clientsRotateSecret } from './rotate-secret.ts'
import { clientsSet } from './set.ts'
import { clientsShow } from './show.ts'

export const clients: AddCommand = (parent, invocation) => {
  const commands = [
    clientsAdd,
    clientsList,
    clientsShow,
    clientsSet,
    clientsRotateSecret,
    clientsRemove,
    clientsCheck,
    clientsExplain,
    clientsPreview,
  ]
  for (const add of commands) add(parent, invocation)
}
