/** Hundreds of `@claviger/verifier`s over several processes, as the services of a deployment are. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { FeedState } from '../../packages/verifier/src/verifier.ts'

export interface FleetSettings {
  issuer: string
  audience: string
  auth: { clientId: string; clientSecret: string }
  pinned: readonly string[]
  /** Of the nodes, or of doors before them; verifiers begin at one after the other. */
  ports: readonly number[]
  /** A folder: each verifier keeps what it knows in a file of it. */
  persist?: string
  maxStaleMs?: number
}

/** Of one process. */
export interface VerifierSettings extends FleetSettings {
  count: number
  /** Number of its first verifier. */
  first: number
}

export interface SeenVerifier {
  state: FeedState
  cursor: string | undefined
  feedAgeMs: number
  framesRefused: number
  entries: number
  /** `accepted`, or why not; in the order of the tokens. */
  outcomes: string[]
}

export type FleetWord = { id: number } & (
  | { what: 'watch'; tokens: readonly string[] }
  | { what: 'look'; tokens: readonly string[]; sensitivity?: 'high' }
  | { what: 'never-again'; token: string; cursor: string }
  | { what: 'breaches' }
)

interface Breaches {
  breaches: readonly string[]
  looks: number
  cpuMicroseconds: number
}

export type FleetReport =
  | { what: 'ready' }
  | { what: 'watched'; id: number }
  | { what: 'seen'; id: number; verifiers: SeenVerifier[] }
  | ({ what: 'breaches'; id: number } & Breaches)
  | { what: 'applied'; token: string; firstAt: number; lastAt: number }
  | { what: 'refused-early'; token: string; reason: string }

type Ask = FleetWord extends infer Word ? (Word extends FleetWord ? Omit<Word, 'id'> : never) : never

/** One process of the fleet. */
export class FleetProcess {
  readonly child: ChildProcess
  readonly #waiting = new Map<number, (report: FleetReport) => void>()
  readonly #listeners = new Set<(report: FleetReport) => void>()
  #lastId = 0

  constructor(settings: VerifierSettings) {
    this.child = fork(join(import.meta.dirname, 'verifier-program.ts'), [JSON.stringify(settings)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.child.on('message', (report: FleetReport) => {
      if ('id' in report) this.#waiting.get(report.id)?.(report)
      else for (const listener of this.#listeners) listener(report)
    })
  }

  onReport(listener: (report: FleetReport) => void): void {
    this.#listeners.add(listener)
  }

  /** Resolves at the first such word; rejects when the process ends before. */
  heard(what: 'ready'): Promise<void> {
    return new Promise((resolve, reject) => {
      this.onReport((report) => report.what === what && resolve())
      this.child.once('exit', (code) => reject(new Error(`a process of verifiers ended with ${code}`)))
    })
  }

  ask<Report extends FleetReport>(word: Ask): Promise<Report> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      const gone = () => reject(new Error('a process of verifiers is gone'))
      this.child.once('exit', gone)
      this.#waiting.set(id, (report) => {
        this.#waiting.delete(id)
        this.child.off('exit', gone)
        resolve(report as Report)
      })
      this.child.send({ ...word, id } as FleetWord, (error) => error && reject(error))
    })
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const gone = once(this.child, 'exit')
    this.child.kill(signal)
    await gone
  }
}

export interface Applied {
  /** Milliseconds since 1970: when the first and the last verifier knew. */
  firstAt: number
  lastAt: number
}

export class VerifierFleet {
  readonly processes: FleetProcess[]
  readonly #applied = new Map<string, Applied[]>()
  readonly #resolvers = new Map<string, (applied: Applied) => void>()
  readonly faults: string[] = []

  private constructor(processes: FleetProcess[]) {
    this.processes = processes
    for (const one of processes) one.onReport((report) => this.#hear(report))
  }

  /** @param count verifiers in all, spread evenly. Resolves when each is ready. */
  static async start(settings: FleetSettings, count: number, processCount: number): Promise<VerifierFleet> {
    const share = Math.ceil(count / processCount)
    const processes = Array.from({ length: processCount }, (_, index) => {
      const first = index * share
      return new FleetProcess({ ...settings, first, count: Math.min(share, count - first) })
    })
    const fleet = new VerifierFleet(processes)
    await Promise.all(processes.map((one) => one.heard('ready')))
    return fleet
  }

  /** Every verifier accepts these now, and will tell when it does not any more. */
  async watch(tokens: readonly string[]): Promise<void> {
    await Promise.all(this.processes.map((one) => one.ask({ what: 'watch', tokens })))
  }

  /** When the last verifier of all knew that a watched token is void. */
  applied(token: string): Promise<Applied> {
    return new Promise((resolve) => {
      this.#resolvers.set(token, resolve)
      this.#settle(token)
    })
  }

  /** @param of how sensitive the route is that the tokens are shown at */
  async look(tokens: readonly string[] = [], of: { sensitivity?: 'high' } = {}): Promise<SeenVerifier[]> {
    const reports = await Promise.all(
      this.processes.map((one) => one.ask<FleetReport & { what: 'seen' }>({ what: 'look', tokens, ...of })),
    )
    return reports.flatMap(({ verifiers }) => verifiers)
  }

  async neverAgain(token: string, cursor: string): Promise<void> {
    await Promise.all(this.processes.map((one) => one.ask({ what: 'never-again', token, cursor })))
  }

  async breaches(): Promise<Breaches> {
    const all = await Promise.all(
      this.processes.map((one) => one.ask<FleetReport & { what: 'breaches' }>({ what: 'breaches' })),
    )
    return {
      breaches: all.flatMap((one) => one.breaches),
      looks: all.reduce((sum, { looks }) => sum + looks, 0),
      cpuMicroseconds: all.reduce((sum, one) => sum + one.cpuMicroseconds, 0),
    }
  }

  /** Another process in the place of one that was killed. */
  replace(index: number, process: FleetProcess): void {
    process.onReport((report) => this.#hear(report))
    this.processes[index] = process
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((one) => one.end()))
  }

  #hear(report: FleetReport): void {
    if (report.what === 'refused-early') this.faults.push(`${report.reason}: ${report.token.slice(-12)}`)
    if (report.what !== 'applied') return
    const { token, firstAt, lastAt } = report
    this.#applied.set(token, [...(this.#applied.get(token) ?? []), { firstAt, lastAt }])
    this.#settle(token)
  }

  #settle(token: string): void {
    const parts = this.#applied.get(token) ?? []
    if (parts.length < this.processes.length) return
    this.#resolvers.get(token)?.({
      firstAt: Math.min(...parts.map(({ firstAt }) => firstAt)),
      lastAt: Math.max(...parts.map(({ lastAt }) => lastAt)),
    })
  }
}
