/** A signer in its own process, as a deployment runs it. The key-encryption key is sent on stdin, never in argv. */

import { Signer } from '../../../src/keyring/live/signer.ts'
import { Envelope } from '../../../src/keyring/vaults/envelope.ts'
import { serveSigner } from '../../../src/keyring/vaults/signer-server.ts'

const [path = ''] = process.argv.slice(2)
const kek = await new Promise<Buffer>((resolve) => {
  process.stdin.once('data', (chunk) => resolve(Buffer.from(chunk.toString(), 'base64url')))
})
await serveSigner(new Signer(await Envelope.open(() => [kek])), path)
process.stdout.write('ready\n')
