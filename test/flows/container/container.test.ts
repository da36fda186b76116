/** The container image's content and settings, as far as they can be tried without a container engine. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { captureOutput, root } from '../../harness/cli.ts'
import { emptyDatabase, type TestDatabase } from '../../harness/database.ts'
import { freePort } from '../../harness/free-port.ts'
import { anyone, type Image, layOutImage } from '../../harness/image.ts'
import { openTcpDoor, type TcpDoor } from '../../harness/tcp-door.ts'

let image: Image
let database: TestDatabase
let door: TcpDoor
let env: Record<string, string>
const running = new Set<ChildProcess>()
const key = randomBytes(32).toString('base64url')

beforeAll(async () => {
  ;[image, database] = await Promise.all([layOutImage(), emptyDatabase()])
  door = await openTcpDoor(database.url)
  const port = await freePort()
  const files = { CLAVIGER_KEY_ENCRYPTION_KEY_FILE: key, DATABASE_URL_FILE: door.url }
  env = {
    ...image.env,
    CLAVIGER_ISSUER: `http://localhost:${port}`,
    CLAVIGER_PORT: String(port),
    CLAVIGER_DATA_DIR: image.data,
  }
  for (const [name, content] of Object.entries(files)) {
    env[name] = join(image.data, `../${name}`)
    await writeFile(env[name], content)
  }
}, 60_000)

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

afterAll(async () => {
  await door?.close()
  await database?.drop()
  await image?.remove()
})

/**
 * What `docker run --read-only --tmpfs /data --cap-drop ALL --security-opt no-new-privileges --user …` does, by the
 * kernel's own means: a mount namespace whose disk is read-only, and no capability left to change that.
 */
function confined(uid: number, args: readonly string[]): ChildProcess {
  const inside = [
    `mount -t tmpfs -o mode=1777 tmpfs '${image.data}'`,
    'mount -o remount,bind,ro /',
    `exec setpriv --reuid=${uid} --regid=0 --clear-groups --inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs "$@"`,
  ].join(' && ')
  const command = ['--mount', '--propagation=private', 'sh', '-c', inside, 'sh', image.node, image.main, ...args]
  const child = spawn('unshare', command, { cwd: image.app, env: { ...env, PATH: process.env['PATH'] }, stdio: 'pipe' })
  running.add(child.once('close', () => running.delete(child)))
  return child
}

/** Not in a container of a CI that forbids namespaces, and not for an ordinary user. */
const mayConfine =
  process.getuid?.() === 0 &&
  spawnSync('unshare', [
    '--mount',
    '--propagation=private',
    'sh',
    '-c',
    'mount -o remount,bind,ro / && setpriv --version',
  ]).status === 0

/** As the container's entry point does; under a uid that owns nothing where this test may choose one. */
function run(args: readonly string[], settings = env): ChildProcess {
  const user = process.getuid?.() === 0 ? anyone : {}
  const child = spawn(image.node, [image.main, ...args], { cwd: image.app, env: settings, stdio: 'pipe', ...user })
  running.add(child.once('close', () => running.delete(child)))
  return child
}

async function finish(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  const output = captureOutput(child)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, said: output.stdout() + output.stderr() }
}

async function isReady(): Promise<boolean> {
  for (let tries = 0; tries < 400; tries += 1) {
    const answer = await fetch(`${env['CLAVIGER_ISSUER']}/health/ready`).catch(() => undefined)
    if (answer?.ok) return true
    await wait(50)
  }
  return false
}

describe('the container image', () => {
  test('migrates and serves with production packages only, as any user, from a tree it cannot write to', async () => {
    expect(await finish(run(['migrate']))).toMatchObject({ code: 0 })
    const server = run(['start'])
    const finished = finish(server)
    expect(await isReady()).toBe(true)
    const discovery = await fetch(`${env['CLAVIGER_ISSUER']}/.well-known/openid-configuration`)
    expect(await discovery.json()).toMatchObject({ issuer: env['CLAVIGER_ISSUER'] })
    expect(await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain(key)
    server.kill('SIGTERM')
    const { code, said } = await finished
    expect(code).toBe(0)
    expect(said).not.toContain(key)
    expect(await readdir(image.data)).toEqual([])
  }, 60_000)

  const anyUid = mayConfine ? test : test.skip
  anyUid.each([10_001, 1_000_650_000])(
    'serves as uid %i on a read-only disk, with all capabilities dropped',
    async (uid) => {
      expect(await finish(confined(uid, ['migrate']))).toMatchObject({ code: 0 })
      const server = confined(uid, ['start'])
      const finished = finish(server)
      expect(await isReady()).toBe(true)
      const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
      expect(status).toMatch(new RegExp(`^Uid:(\\t${uid}){4}$`, 'm'))
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        expect(status).toMatch(`${set}:\t${'0'.repeat(16)}\n`)
      expect(status).toMatch('NoNewPrivs:\t1\n')
      expect(await readFile(`/proc/${server.pid}/mountinfo`, 'utf8')).toMatch(/ \/ \/ ro[, ]/)
      const discovery = await fetch(`${env['CLAVIGER_ISSUER']}/.well-known/openid-configuration`)
      expect(discovery.status).toBe(200)
      server.kill('SIGTERM')
      expect(await finished).toMatchObject({ code: 0 })
    },
    60_000,
  )

  test('invents no secret: without a key-encryption key it stops and names the variable', async () => {
    const { CLAVIGER_KEY_ENCRYPTION_KEY_FILE: _, ...without } = env
    const { code, said } = await finish(run(['start'], without))
    expect(code).not.toBe(0)
    expect(said).toContain('CLAVIGER_KEY_ENCRYPTION_KEY')
  })

  test('its health check asks the port that it listens on and needs no shell', async () => {
    const dockerfile = (await readFile(join(root, 'Dockerfile'), 'utf8')).replace(/\\\n\s*/g, '')
    const command = JSON.parse(/^HEALTHCHECK .*? CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[]
    expect(command[0]).toBe('node')
    const check = spawn(image.node, command.slice(1), { env, stdio: 'pipe' })
    expect(await finish(check)).toMatchObject({ code: 1 })
    const server = run(['start'])
    const finished = finish(server)
    expect(await isReady()).toBe(true)
    expect(await finish(spawn(image.node, command.slice(1), { env, stdio: 'pipe' }))).toMatchObject({ code: 0 })
    server.kill('SIGTERM')
    await finished
  }, 60_000)
})
