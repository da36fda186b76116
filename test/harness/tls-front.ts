/** Ends TLS before a provider, as a proxy does, and serves a page of a neighbouring host. Needs openssl for its certificate. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TlsFront {
  /** Set-Cookie lines of the neighbour's page, for whoever visits it. */
  planted: readonly string[]
  /** Called with each path before the provider sees it. */
  before(path: string): Promise<unknown>
  close(): Promise<void>
}

export const hasOpenssl = (): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * @param host the issuer's; every other host is the neighbour's
 * @param provider its port, asked for each request
 */
export async function openTlsFront(port: number, host: string, provider: () => number): Promise<TlsFront> {
  const front: TlsFront = { planted: [], before: async () => {}, close: async () => {} }
  const server = createServer(selfSigned(host), (asked, answer) => {
    if (asked.headers.host?.split(':')[0] === host) return void passOn(asked, answer, provider(), front)
    answer.writeHead(200, { 'content-type': 'text/html', 'set-cookie': [...front.planted] }).end('<h1>Neighbour</h1>')
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  front.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return front
}

async function passOn(asked: IncomingMessage, answer: ServerResponse, port: number, front: TlsFront): Promise<void> {
  await front.before(asked.url ?? '')
  const { method, url: path, headers } = asked
  const sent = request({ host: '127.0.0.1', port, method, path, headers, setHost: false }, (answered) => {
    answer.writeHead(answered.statusCode ?? 502, answered.headers)
    answered.pipe(answer)
  })
  sent.once('error', () => answer.destroy())
  asked.pipe(sent)
}

function selfSigned(host: string): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'tls-front-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  try {
    execFileSync('openssl', ['req', ...kind, '-subj', `/CN=${host}`, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    return { key: readFileSync(key), cert: readFileSync(cert) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
