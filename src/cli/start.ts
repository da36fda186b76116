import { withExample } from './command-options.ts'
import type { AddCommand } from './nouns.ts'
import { wholeNumber } from './option-values.ts'
import { printWelcome } from './welcome.ts'

interface Options {
  port?: number
  workers?: number
}

/** `start`: serves until a signal ends the process. */
export const start: AddCommand = (command, invocation) => {
  command
    .option('--port <n>', 'listen on this port instead of CLAVIGER_PORT', wholeNumber(1, 65_535))
    .option('--workers <n>', 'run this many processes instead of CLAVIGER_WORKERS', wholeNumber(1, 256))
    .action(async (options: Options) => {
      const serving = await invocation.serve(invocation.env, options)
      if (serving.welcome.development) printWelcome(invocation.printer, serving.welcome)
      await serving.stopped
    })
  withExample(command, 'claviger start --workers 4')
}
