/**
 * Program: makes ready what the tests with services in other languages need: `npm run test:prepare`. What is not there
 * is no failure; those tests are skipped then, and say so.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Toolchain, toolchains } from './toolchains.ts'

/** The first time packages are fetched and a standard library is compiled. */
const longestMs = 240_000

function prepare(folder: string, { steps }: Toolchain): string | undefined {
  for (const [program = '', ...args] of steps) {
    const { status, error, stderr } = spawnSync(program, args, {
      cwd: join(import.meta.dirname, folder),
      encoding: 'utf8',
      timeout: longestMs,
    })
    if (error) return error.message
    if (status !== 0) return `${program} ended with ${status}: ${stderr.trim().split('\n').at(-1)}`
  }
  return undefined
}

for (const [folder, toolchain] of Object.entries(toolchains)) {
  const trouble = toolchain.isReady ? undefined : prepare(folder, toolchain)
  process.stdout.write(trouble ? `${toolchain.library}: not ready, ${trouble}\n` : `${toolchain.library}: ready\n`)
}
