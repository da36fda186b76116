import { join } from 'node:path'
import { makeRunFolder, removeDeadRuns } from './run-folder.ts'

export default async function globalSetup(): Promise<void> {
  await removeDeadRuns()
  const folder = await makeRunFolder()
  process.env['CLAVIGER_TEST_RUN'] = folder
  // The program is started some hundred times: the first one strips and compiles its files, the others find them done.
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled')
}
