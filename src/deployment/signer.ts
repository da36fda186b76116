/** `claviger signer`: the process that holds the private keys, so that the web server does not hold them. */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ServeSigner } from '../cli/desk.ts'
import { readConfig } from '../config/config.ts'
import { Failure } from '../errors/failure.ts'
import { Signer } from '../keyring/live/signer.ts'
import { serveSigner as serveOn } from '../keyring/vaults/signer-server.ts'
import { openEnvelope } from './deployment.ts'
import { untilSignalled } from './until-signalled.ts'

export const serveSigner: ServeSigner = async (env, options) => {
  const config = readConfig(env)
  const socket = options.socket ?? config.signerSocket
  if (socket === undefined) {
    throw new Failure(
      'signer_socket_unnamed',
      'invalid',
      'The signer has no socket to listen on. Set CLAVIGER_SIGNER_SOCKET for the signer and for the server, or give --socket.',
    )
  }
  const envelope = await openEnvelope(config)
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 })
  const server = await serveOn(new Signer(envelope), socket)
  return { socket, fingerprint: envelope.fingerprint ?? '', stopped: untilSignalled().then(() => server.close()) }
}
