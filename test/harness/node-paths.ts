/** The way from a verifier to the nodes of a deployment, as a balancer makes it: to one of them, and to the next when that fails. */
import { connect, type Socket } from 'node:net'
import type { Fetch } from '../../packages/verifier/src/verifier.ts'

/** What Node's own `fetch` takes to reach a host elsewhere than its name says: undici's, by the name under which it is shared. */
type Connector = (options: object, done: (error: Error | null, socket?: Socket) => void) => void
type AgentClass = new (options: { connect: Connector }) => object
const shared = Symbol.for('undici.globalDispatcher.1')
const agents = new Map<number, object>()

async function agentTo(port: number): Promise<object> {
  const known = agents.get(port)
  if (known) return known
  await fetch('data:,').then((answer) => answer.text()) // the first use makes the agent that all share
  const Agent = (globalThis as Record<symbol, unknown>)[shared]?.constructor as AgentClass
  const agent = new Agent({
    connect: (_, done) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('connect', () => done(null, socket))
      socket.once('error', (error) => done(error))
    },
  })
  agents.set(port, agent)
  return agent
}

/**
 * @param ports at which nodes, or doors before them, listen
 * @param start which of them comes first
 */
export function reachingNodes(ports: readonly number[], start: number): Fetch {
  let at = start
  return async (input, init) => {
    const dispatcher = await agentTo(ports[at % ports.length] ?? 0)
    const next = () => {
      at += 1
    }
    try {
      const response = await fetch(input, { ...init, dispatcher } as RequestInit)
      if (response.status >= 500) next()
      return response
    } catch (error) {
      next()
      throw error
    }
  }
}
