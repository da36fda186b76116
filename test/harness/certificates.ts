/** Certificates for servers under test, made by openssl. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificate {
  certificate: string
  key: string
}

const inFolder = async <Result>(work: (folder: string) => Promise<Result>): Promise<Result> => {
  const folder = await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'certificates-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const request = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem']
const read = async (folder: string): Promise<Certificate> => ({
  certificate: await readFile(join(folder, 'certificate.pem'), 'utf8'),
  key: await readFile(join(folder, 'key.pem'), 'utf8'),
})

/** One that vouches for itself: an authority, or a server that has none. @param name a host's name or address */
export const selfSigned = (name: string): Promise<Certificate> =>
  inFolder(async (cwd) => {
    const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${alternative(name)}`]
    await run('openssl', [...request, '-x509', '-days', '2', '-out', 'certificate.pem', ...names], { cwd })
    return read(cwd)
  })

/** One that the authority vouches for. @param days below zero for one that has expired */
export const signedBy = (authority: Certificate, name: string, days = 2): Promise<Certificate> =>
  inFolder(async (cwd) => {
    await writeFile(join(cwd, 'ca.pem'), authority.certificate)
    await writeFile(join(cwd, 'ca.key'), authority.key)
    await writeFile(join(cwd, 'extensions'), `subjectAltName=${alternative(name)}\n`)
    await run('openssl', [...request, '-subj', `/CN=${name}`, '-out', 'request.pem'], { cwd })
    const issuer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'extensions']
    await run(
      'openssl',
      ['x509', '-req', '-in', 'request.pem', ...issuer, '-days', String(days), '-out', 'certificate.pem'],
      { cwd },
    )
    return read(cwd)
  })

const alternative = (name: string) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)
