/** What a test and the host of commands (`command-host.ts`) say to each other. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

export interface CommandOrder {
  args: readonly string[]
  env: Record<string, string>
  /** As base64. */
  stdin: string
}

export interface CommandResult {
  code: number | null
  stdout: string
  stderr: string
}

/** Where the host of this run listens. */
export const commandSocket = (runFolder: string): string => `${runFolder}/commands.sock`

export async function orderCommand(socketPath: string, order: CommandOrder): Promise<CommandResult> {
  const socket = connect({ path: socketPath, allowHalfOpen: true })
  socket.end(JSON.stringify(order))
  const answer = await text(socket)
  if (answer === '') throw new Error(`the host of commands gave no answer to ${order.args.join(' ')}`)
  return JSON.parse(answer) as CommandResult
}
