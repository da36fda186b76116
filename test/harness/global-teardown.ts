import { removeRunFolder } from './run-folder.ts'

export default async function globalTeardown(): Promise<void> {
  const folder = process.env['CLAVIGER_TEST_RUN']
  if (folder) await removeRunFolder(folder)
}
