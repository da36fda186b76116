/** The published package: plain JavaScript, on the oldest Node it promises, with nothing beside it but jose. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from './stage.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

let folder: string
let stage: Stage

beforeAll(async () => {
  stage = await openStage()
  folder = await mkdtemp(join(tmpdir(), 'claviger-package-'))
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: join(root, 'packages/verifier'),
  })
  const tarball = stdout.trim().split('\n').at(-1) ?? ''
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, '@claviger/verifier'), { recursive: true })
  await run('tar', ['-xzf', join(folder, tarball), '-C', join(modules, '@claviger/verifier'), '--strip-components=1'])
  await cp(join(root, 'node_modules/jose'), join(modules, 'jose'), { recursive: true })
}, 120_000)
afterAll(async () => {
  await stage.close()
  await rm(folder, { recursive: true })
})

const program = `
import { createVerifier } from '@claviger/verifier'
const [issuer, audience, kid, good, revoked] = process.argv.slice(2)
const auth = { clientId: 'orders api', clientSecret: 'geheim & lang' }
const verifier = await createVerifier({ issuer, audience, revocation: { auth, pinnedFeedKeys: [kid] } })
await verifier.ready()
const outcomes = []
for (const token of [good, revoked]) {
  const verdict = await verifier.verify({ authorization: 'Bearer ' + token })
  outcomes.push(verdict.ok ? verdict.token.subject : verdict.reason)
}
await verifier.close()
process.stdout.write(JSON.stringify({ outcomes, state: verifier.state, major: Number(process.versions.node.split('.')[0]) }))
`

async function answer(node: string) {
  const { issuer } = stage
  await writeFile(join(folder, 'service.mjs'), program)
  const [good, revoked] = [await issuer.token(), await issuer.token({ sub: 'gone' })]
  await issuer.revoke(4, 'gone')
  const given = [issuer.issuer, 'https://orders.example', issuer.feedKey.kid, good, revoked]
  const { stdout } = await run(node, ['service.mjs', ...given], { cwd: folder, timeout: 30_000 })
  return JSON.parse(stdout) as { outcomes: string[]; state: string; major: number }
}

test('the package works from a tarball, in plain JavaScript', async () => {
  expect(await answer(process.execPath)).toMatchObject({ outcomes: ['acc_1', 'revoked'] })
}, 90_000)

test("the package works on the machine's own Node", async () => {
  const path = (process.env.PATH ?? '').split(delimiter).filter((one) => !one.includes('node_modules'))
  const { stdout } = await run('sh', ['-c', 'command -v node || true'], {
    env: { ...process.env, PATH: path.join(delimiter) },
  })
  const node = stdout.trim() || process.execPath
  const { outcomes, major } = await answer(node)
  expect(outcomes).toEqual(['acc_1', 'revoked'])
  expect(major).toBeGreaterThanOrEqual(20)
}, 90_000)

test('the types of the package need no other packages', async () => {
  await writeFile(
    join(folder, 'typed.ts'),
    `import { createVerifier, type Verdict } from '@claviger/verifier'
     export async function ask(): Promise<Verdict> {
       const verifier = await createVerifier({ issuer: 'https://id.example', audience: 'https://orders.example' })
       return verifier.verify({ authorization: 'Bearer x' }, { scope: ['orders:read'], sensitivity: 'high' })
     }
     // @ts-expect-error an audience is needed
     void createVerifier({ issuer: 'https://id.example' })
    `,
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const flags = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--typeRoots',
    join(root, 'node_modules/@types'),
  ]
  const { stdout } = await run(process.execPath, [tsc, ...flags, '--types', 'node', 'typed.ts'], { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout).toBe('')
}, 90_000)

test('the verifier imports nothing but jose and what Node has', async () => {
  const dist = join(folder, 'node_modules/@claviger/verifier/dist')
  const { stdout } = await run('sh', ['-c', `find "${dist}" -name '*.js'`])
  const names = new Set<string>()
  for (const file of stdout.trim().split('\n')) {
    const text = (await readFile(file, 'utf8')).replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '')
    for (const [, name = ''] of text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      if (!name.startsWith('./') && !/^\.\.\/[a-z-]+\.js$/.test(name)) names.add(name)
    }
  }
  expect([...names].sort()).toEqual(['jose', 'node:crypto', 'node:fs/promises'])
})
