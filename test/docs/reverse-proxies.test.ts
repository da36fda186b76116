/** The configurations of docs/reverse-proxies.md, run by the real programs where they are installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { globalAgent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { addApi, addClient, addPerson } from '../harness/people.ts'
import { type Provider, startProvider } from '../harness/server.ts'
import { signIn } from '../harness/sign-in.ts'
import { UserAgent } from '../harness/user-agent.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/reverse-proxies.md'), 'utf8')
const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const redirectUri = 'https://app.example/callback'

let folder: string
let certificate: string

interface Place {
  folder: string
  port: number
  upstream: number
}

/** The block of this language, with this test's ports and certificate in place of the example's. */
function configured(language: string, { folder, port, upstream }: Place): string {
  const [, block = ''] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page) ?? []
  return block
    .replaceAll('127.0.0.1:9400', `127.0.0.1:${upstream}`)
    .replaceAll('/etc/ssl/id.example.org', join(folder, 'id'))
    .replaceAll('id.example.org', 'localhost')
    .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replace('bind :443', `bind 127.0.0.1:${port}`)
}

interface Proxy {
  name: string
  binary: string
  /** Writes the configuration, and gives the arguments to run in the foreground with it. */
  prepare(place: Place): Promise<string[]>
}

const proxies: Proxy[] = [
  {
    name: 'nginx',
    binary: '/usr/sbin/nginx',
    async prepare(place) {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((kind) => `${kind}_temp_path ${place.folder}/${kind};`)
        .join('\n')
      const file = join(place.folder, 'nginx.conf')
      await writeFile(
        file,
        `daemon off; pid ${place.folder}/nginx.pid; error_log ${place.folder}/error.log;\nevents {}\nhttp { access_log off; ${temporary}\n${configured('nginx', place)}}\n`,
      )
      return ['-p', place.folder, '-c', file, '-e', join(place.folder, 'error.log')]
    },
  },
  {
    name: 'Caddy',
    binary: '/usr/bin/caddy',
    async prepare(place) {
      const tls = `\ttls ${place.folder}/id.pem ${place.folder}/id.key\n`
      const site = configured('caddyfile', place)
        .replace('localhost {', `https://localhost:${place.port} {\n\tbind 127.0.0.1`)
        .replace(/\n}\n$/, `\n${tls}}\n`)
      const file = join(place.folder, 'Caddyfile')
      await writeFile(
        file,
        `{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system ${place.folder}/caddy\n}\n${site}`,
      )
      return ['run', '--adapter', 'caddyfile', '--config', file]
    },
  },
  {
    name: 'HAProxy',
    binary: '/usr/sbin/haproxy',
    async prepare(place) {
      const file = join(place.folder, 'haproxy.cfg')
      await writeFile(file, configured('haproxy', place))
      return ['-f', file]
    },
  },
]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'claviger-proxies-'))
  if (!hasOpenssl) return
  const files = ['-keyout', join(folder, 'id.key'), '-out', join(folder, 'id.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files])
  certificate = readFileSync(join(folder, 'id.pem'), 'utf8')
  await writeFile(join(folder, 'id.combined.pem'), certificate + readFileSync(join(folder, 'id.key'), 'utf8'))
  // The user agent of the harness trusts what Node trusts by default.
  globalAgent.options.ca = certificate
  // Its address, as the proxy sees it.
  globalAgent.options.localAddress = '127.0.0.2'
}, 60_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe.each(proxies)('behind $name, set up as documented', ({ binary, prepare }) => {
  const isHere = hasOpenssl && existsSync(binary)
  const whereInstalled = isHere ? test : test.skip
  let provider: Provider
  let child: ChildProcess
  let issuer: string

  beforeAll(async () => {
    if (!isHere) return
    const port = await freePort()
    issuer = `https://localhost:${port}`
    provider = await startProvider({ env: { CLAVIGER_ISSUER: issuer, CLAVIGER_TRUSTED_PROXIES: '127.0.0.1' } })
    const args = await prepare({ folder, port, upstream: provider.port })
    child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'ignore'], env: { ...process.env, HOME: folder } })
    expect(await eventually(async () => (await isReady()) || undefined, { tries: 300, pauseMs: 100 })).toBe(true)
  }, 90_000)

  afterAll(async () => {
    if (!isHere) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
    await provider.stop()
  })

  const isReady = () =>
    new Promise<boolean>((resolve) => {
      request(new URL('/health/ready', issuer), { family: 4 }, (response) => resolve(response.statusCode === 200))
        .once('error', () => resolve(false))
        .end()
    })

  whereInstalled('a person signs in and comes back to the app with a code', async () => {
    const person = await addPerson(provider)
    const client = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
    const url = new URL('/auth', issuer)
    url.search = new URLSearchParams({
      client_id: client.client_id,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    }).toString()
    const arrived = await signIn(new UserAgent(issuer, { headers: { 'x-forwarded-for': '203.0.113.9' } }), url, person)
    expect(arrived.left).toBe(true)
    expect(arrived.url.searchParams.get('code')).toMatch(/^[\w-]+$/)
    expect(arrived.url.searchParams.get('iss')).toBe(issuer)
  })

  whereInstalled("the audit log names the browser's own address, whatever X-Forwarded-For it sent", async () => {
    // The audit log is written in batches.
    const signedIn = await eventually(async () => {
      const events = await provider.cli<{ kind: string; source: string | null }[]>(['events', 'list'])
      return events.find(({ kind }) => kind === 'sign-in.succeeded')
    })
    expect(signedIn?.source).toBe('127.0.0.2')
  })

  whereInstalled('a stream of the revocation feed arrives unbuffered', async () => {
    const audience = 'https://orders.example'
    await addApi(provider, audience)
    const made = await provider.cli<{ client_id: string; client_secret: string }>(['apis', 'credentials', audience])
    const basic = Buffer.from(`${made.client_id}:${made.client_secret}`).toString('base64')
    const heard = await new Promise<string>((resolve, reject) => {
      const headers = { authorization: `Basic ${basic}`, accept: 'text/event-stream' }
      const sent = request(new URL('/revocations/stream', issuer), { headers, family: 4 }, (response) => {
        response.setEncoding('utf8').once('data', (part: string) => {
          resolve(`${response.statusCode} ${part}`)
          sent.destroy()
        })
      })
      sent.once('error', reject).end()
    })
    expect(heard).toMatch(/^200 /)
  })
})
