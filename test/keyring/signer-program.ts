/** A signer in a process of its own, as a deployment runs it: the key-encryption key comes by stdin, never by argv. */

import { Signer } from '../../src/keyring/live/signer.ts'
import { Envelope } from '../../src/keyring/vaults/envelope.ts'
import { serveSigner } from '../../src/keyring/vaults/signer-server.ts'

const [path = ''] = process.argv.slice(2)
const kek = await new Promise<Buffer>((resolve) => {
  process.stdin.once('data', (chunk) => resolve(Buffer.from(chunk.toString(), 'base64url')))
})
await serveSigner(new Signer(await Envelope.open(() => [kek])), path)
process.stdout.write('ready\n')
