import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { dated } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { keyRowsJson, nextRotations, printKeys } from './key-view.ts'

/** `keys list`: where every key stands, and what comes next. */
export const keysList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('list')
    .description('all keys: those that sign, those that will, and those kept for verifying')
    .option('--all', 'removed ones too')
    .action(async (options: JsonOption & { all?: boolean }) => {
      const { keyring } = await invocation.desk()
      const keys = await keyring.list(options.all ? { all: true } : {})
      if (options.json) return printer.json(await keyRowsJson(keyring, keys))
      if (keys.length === 0) {
        printer.line('There is no key yet: the first start makes them.')
        return printer.next('start')
      }
      printKeys(printer, keys)
      printer.line()
      for (const [alg, at] of await nextRotations(keyring, keys)) {
        if (at) printer.line(`${alg} rotates ${dated(at, printer.now())}.`)
      }
    })
  withExample(withJson(command), 'claviger keys list')
}
