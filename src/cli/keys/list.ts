import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { dated } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { keyRowsJson, nextRotations, printKeys } from './key-view.ts'

/** `keys list`: the state of every key, and the next rotations. */
export const keysList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('list')
    .description('all keys: active, pending and retired')
    .option('--all', 'also removed keys')
    .action(async (options: JsonOption & { all?: boolean }) => {
      const { keyring } = await invocation.desk()
      const keys = await keyring.list(options.all ? { all: true } : {})
      if (options.json) return printer.json(await keyRowsJson(keyring, keys))
      if (keys.length === 0) {
        printer.line('There is no key yet: the first start creates them.')
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
