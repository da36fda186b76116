/**
 * Program: runs commands for the whole test run. It is the command line itself on the same desk, loaded once: what a
 * command takes as a process of its own is for the most part loading it. Tests of what only a process has (signals,
 * pipes, `.env`) start one by `spawnClaviger`.
 */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { runCli } from '../../src/cli/cli.ts'
import { openDesk } from '../../src/desk/desk.ts'
import type { CommandOrder } from './command-order.ts'

async function obey(socket: Socket): Promise<void> {
  const { args, env, stdin } = JSON.parse(await text(socket)) as CommandOrder
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const code = await runCli(args, {
    env,
    stdin: Readable.from([Buffer.from(stdin, 'base64')]),
    stdout: { write: (piece) => stdout.push(piece) },
    stderr: { write: (piece) => stderr.push(piece) },
    script: 'src/main.ts',
    openDesk,
    serve: () => Promise.reject(new Error('a node is a process of its own')),
    serveSigner: () => Promise.reject(new Error('a signer is a process of its own')),
  })
  socket.end(JSON.stringify({ code, stdout: stdout.join(''), stderr: stderr.join('') }))
}

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy())
  obey(socket).catch((error: unknown) => socket.destroy(error as Error))
})
server.listen(process.argv[2])
await once(server, 'listening')
process.send?.('listening')
process.once('disconnect', () => process.exit(0))
