import { fork } from 'node:child_process'
import { once } from 'node:events'
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
  const host = fork(join(import.meta.dirname, 'command-host.ts'), [commandSocket(folder)], { execArgv: [] })
  await once(host, 'message')
  host.unref()
  host.channel?.unref()
}
