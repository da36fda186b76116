/** People who sign in. */
import type { AddCommand } from '../nouns.ts'
import { usersAdd } from './add.ts'
import { usersDisable } from './disable.ts'
import { usersEnable } from './enable.ts'
import { usersImport } from './import.ts'
import { usersList } from './list.ts'
import { usersRemove } from './remove.ts'
import { usersSet } from './set.ts'
import { usersSetPassword } from './set-password.ts'
import { usersShow } from './show.ts'
import { usersSignOut } from './sign-out.ts'

export const users: AddCommand = (parent, invocation) => {
  const commands = [
    usersAdd,
    usersList,
    usersShow,
    usersSet,
    usersDisable,
    usersEnable,
    usersSetPassword,
    usersSignOut,
    usersImport,
    usersRemove,
  ]
  for (const add of commands) add(parent, invocation)
}
