import { makeRunFolder, removeDeadRuns } from './run-folder.ts'

export default async function globalSetup(): Promise<void> {
  await removeDeadRuns()
  process.env['CLAVIGER_TEST_RUN'] = await makeRunFolder()
}
