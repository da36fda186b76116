/** Signing keys. */
import type { AddCommand } from '../nouns.ts'
import { keysCanary } from './canary.ts'
import { keysExport } from './export.ts'
import { keysImport } from './import.ts'
import { keysList } from './list.ts'
import { keysRemove } from './remove.ts'
import { keysRevoke } from './revoke.ts'
import { keysRotate } from './rotate.ts'
import { keysSchedule } from './schedule.ts'
import { keysSwitchOff } from './switch-off.ts'

export const keys: AddCommand = (parent, invocation) => {
  const commands = [
    keysList,
    keysRotate,
    keysSchedule,
    keysCanary,
    keysRevoke,
    keysRemove,
    keysSwitchOff,
    keysImport,
    keysExport,
  ]
  for (const add of commands) add(parent, invocation)
}
