/**
 * Program: installs pkcs11js beside Claviger, as an operator with an HSM does; part of `npm run test:prepare`. The
 * package is compiled on installation. Where that is not possible, the HSM tests are skipped and report that.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname
const link = join(here, '../../../node_modules/pkcs11js')

function prepare(): string {
  if (existsSync(link)) return 'ready'
  const install = ['ci', '--no-audit', '--no-fund', '--fetch-retries', '0']
  const { status, error } = spawnSync('npm', install, { cwd: here, timeout: 120_000, stdio: 'ignore' })
  if (error || status !== 0) return `not ready, npm ended with ${error?.message ?? status}`
  rmSync(link, { force: true }) // a dangling link
  symlinkSync(join(here, 'node_modules/pkcs11js'), link)
  return 'ready'
}

process.stdout.write(`pkcs11js: ${prepare()}\n`)
