import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { commandSocket } from './command-order.ts'
import { makeRunFolder, removeDeadRuns } from './run-folder.ts'

export default async function globalSetup(): Promise<void> {
  await removeDeadRuns()
  const folder = await makeRunFolder()
  process.env['CLAVIGER_TEST_RUN'] = folder
  // The program is started some hundred times: the first one strips and compiles its files, the others find them done.
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled')
  // Ends with this process, whose end it sees.
  const program = join(import.meta.dirname, 'command-host.ts')
  // What commands log goes with the run; what they say is in their answers.
  const log = openSync(join(folder, 'commands.log'), 'a')
  const host = fork(program, [commandSocket(folder)], { execArgv: [], stdio: ['ignore', log, log, 'ipc'] })
  closeSync(log)
  await once(host, 'message')
  host.unref()
  host.channel?.unref()
}
