/** The runner's end of a load process. */
import { once } from 'node:events'
import { endChild, spawnChild } from './children.ts'
import type { LoadAnswer, LoadOrder, LoadSetup, Measurement } from './load-protocol.ts'

const program = new URL('./load.ts', import.meta.url).pathname

export interface LoadProcess {
  measure(warmupSeconds: number, seconds: number): Promise<Measurement>
  /** One step after the other on one connection: for counting, not for timing. */
  repeat(times: number): Promise<void>
  stop(): Promise<void>
}

/** Starts the process and prepares its visitors. */
export async function startLoad(setup: LoadSetup): Promise<LoadProcess> {
  const child = spawnChild(process.execPath, [program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = new Promise<[LoadAnswer]>((resolve) =>
    child.once('exit', () => resolve([{ failed: 'the load process ended' }])),
  )
  const tell = async (order: LoadOrder): Promise<LoadAnswer> => {
    const listening = new AbortController()
    const answered = once(child, 'message', { signal: listening.signal }) as Promise<[LoadAnswer]>
    child.send(order)
    const [answer] = await Promise.race([answered, ended])
    listening.abort()
    if ('failed' in answer) throw new Error(answer.failed)
    return answer
  }
  const stop = () => endChild(child)
  try {
    await tell({ order: 'prepare', setup })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    async measure(warmupSeconds, seconds) {
      const answer = await tell({ order: 'measure', warmupSeconds, seconds })
      if (!('measurement' in answer))
        throw new Error(`unexpected answer of the load process: ${JSON.stringify(answer)}`)
      return answer.measurement
    },
    async repeat(times) {
      await tell({ order: 'repeat', times })
    },
    stop,
  }
}
