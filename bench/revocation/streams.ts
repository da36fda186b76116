/** What streams cost one node: CPU for each heartbeat and frame, memory for each stream. Their readers are another process. */
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { basic } from '../../test/harness/plain-client.ts'
import { type Program, runProgram } from '../../test/harness/program.ts'
import { cpuMicroseconds, residentMegabytes } from '../proc-stat.ts'
import type { RevocationStage } from './stage.ts'

export interface StreamCost {
  streams: number
  /** Milliseconds until all were open. */
  opened: number
  /** CPU microseconds of the node for one heartbeat to all. */
  heartbeatUs: number
  /** For one frame of news to all. */
  frameUs: number
  /** Resident bytes a stream. */
  bytesEach: number
}

const restSeconds = 8
const newsSeconds = 8

export async function measureStreams(
  { nodes, registered, desk }: RevocationStage,
  streams: number,
): Promise<StreamCost> {
  const node = nodes.nodes.at(-1)
  if (!node) throw new Error('there is no node')
  const idleUs = await cpuPerSecond(node.pid, restSeconds)
  const memoryBefore = residentMegabytes(node.pid)
  const { clientId, clientSecret } = registered.fleet.auth
  const authorization = basic(clientId, clientSecret)
  const reader = runProgram(fileURLToPath(new URL('stream-readers.ts', import.meta.url)))
  try {
    const began = performance.now()
    reader.say(JSON.stringify({ port: node.port, host: new URL(nodes.issuer).host, streams, authorization }))
    await expectLine(reader, 'open')
    const opened = performance.now() - began
    await wait(2_000) // what opening cost is over
    const memory = residentMegabytes(node.pid) - memoryBefore
    const heartbeatUs = (await cpuPerSecond(node.pid, restSeconds)) - idleUs
    const before = await messages(reader)
    const stopNews = revokeAllTheWhile(desk)
    const newsUs = await cpuPerSecond(node.pid, newsSeconds)
    await stopNews()
    const framesASecond = (await messages(reader)) - before
    const each = framesASecond / streams / newsSeconds
    return { streams, opened, heartbeatUs, frameUs: (newsUs - idleUs) / each, bytesEach: (memory * 2 ** 20) / streams }
  } finally {
    await reader.end()
  }
}

async function cpuPerSecond(pid: number, seconds: number): Promise<number> {
  const [at, spent] = [performance.now(), cpuMicroseconds(pid)]
  await wait(seconds * 1000)
  return ((cpuMicroseconds(pid) - spent) * 1000) / (performance.now() - at)
}

/** Faster than frames are sent, so that each gathering has something to send. */
function revokeAllTheWhile({ revocations, publish }: RevocationStage['desk']): () => Promise<void> {
  let isOver = false
  const revoking = (async () => {
    for (let made = 0; !isOver; made += 1) {
      await revocations.revokeToken(`bench-${process.pid}-${made}-${Math.random()}`, { actor: 'bench' })
      await publish()
      await wait(20)
    }
  })()
  return async () => {
    isOver = true
    await revoking
  }
}

async function messages(reader: Program): Promise<number> {
  reader.say('count')
  return Number(await reader.line())
}

async function expectLine(reader: Program, wanted: string): Promise<void> {
  const line = await reader.line()
  if (line !== wanted) throw new Error(`the readers said ${line}`)
}
