/**
 * The container image's file tree, laid out by hand as the Dockerfile's last stage says, for machines without a
 * container engine: its COPY lines, what is compiled, the production packages of the lockfile, and nothing of the
 * checkout besides.
 */
import { execFileSync } from 'node:child_process'
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './cli.ts'

export interface Image {
  /** Where the program lies, `/app` in the image. */
  app: string
  /** The one folder that its process may write to, `/data` in the image. */
  data: string
  /** Node, where any user can run it. */
  node: string
  /** What the Dockerfile sets for it. */
  env: Record<string, string>
  /** The file that its entry point runs, below `app`. */
  main: string
  remove(): Promise<void>
}

const compiler = join(root, 'node_modules/typescript/bin/tsc')

/** A uid that owns nothing, in group 0, as OpenShift gives and the Dockerfile's own default is. */
export const anyone = { uid: 10_001, gid: 0 }

export async function layOutImage(): Promise<Image> {
  const stage = lastStage(await readFile(join(root, 'Dockerfile'), 'utf8'))
  const top = await mkdtemp(join(tmpdir(), 'claviger-image-'))
  const [app, data, node] = [join(top, 'app'), join(top, 'data'), join(top, 'node')]
  await mkdir(app)
  for (const path of [...stage.copied, ...(await productionPackages())]) {
    await mkdir(dirname(join(app, path)), { recursive: true })
    await cp(join(root, path), join(app, path), { recursive: true, verbatimSymlinks: true })
  }
  execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', join(app, 'dist')], { cwd: root })
  await copyFile(process.execPath, node)
  await mkdir(data)
  await chmod(data, 0o777)
  await chmod(top, 0o755)
  return { app, data, node, env: stage.env, main: stage.main, remove: () => rm(top, { recursive: true, force: true }) }
}

function lastStage(dockerfile: string): { copied: string[]; env: Record<string, string>; main: string } {
  const stage =
    dockerfile
      .replace(/\\\n\s*/g, '')
      .split(/^FROM /m)
      .at(-1) ?? ''
  const instructions = stage.split('\n').map((line) => line.split(/\s+/))
  const copied = instructions
    .filter(([verb, first]) => verb === 'COPY' && !first?.startsWith('--from'))
    .flatMap((words) => words.slice(1, -1))
  const pairs = instructions.filter(([verb]) => verb === 'ENV').flatMap((words) => words.slice(1))
  const env = Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]))
  const [, main = ''] = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(stage)?.[1] ?? '[]') as string[]
  return { copied, env: { NODE_ENV: 'production', ...env }, main }
}

/** What `npm ci --omit=dev --omit=optional` installs. */
async function productionPackages(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: true; optional?: true; devOptional?: true }>
  }
  return (
    Object.entries(lock.packages)
      .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
      .map(([path]) => path)
      // A package inside another one comes along with it.
      .filter((path) => path.lastIndexOf('node_modules/') === 0)
  )
}
