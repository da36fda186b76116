/** The verifiers' process, asked from a test. */
import { join } from 'node:path'
import { runProgram } from '../../harness/program.ts'
import type { Question, Verdict } from './verifier-program.ts'

export interface Services {
  /** What all kinds of verifiers say of a token. */
  judge(token: string, algorithm: Question['algorithm']): Promise<Verdict>
  stop(): Promise<number | null>
}

export async function startServices(settings: object): Promise<Services> {
  const program = runProgram(join(import.meta.dirname, 'verifier-program.ts'), [JSON.stringify(settings)])
  await program.line()
  const waiting = new Map<number, { resolve(verdict: Verdict): void; reject(reason: unknown): void }>()
  let lastId = 0
  const read = async () => {
    for (;;) {
      const verdict = JSON.parse(await program.line()) as Verdict
      waiting.get(verdict.id)?.resolve(verdict)
      waiting.delete(verdict.id)
    }
  }
  read().catch((reason: unknown) => {
    for (const { reject } of waiting.values()) reject(reason)
  })
  return {
    judge: (token, algorithm) =>
      new Promise((resolve, reject) => {
        lastId += 1
        waiting.set(lastId, { resolve, reject })
        program.say(JSON.stringify({ id: lastId, token, algorithm }))
      }),
    stop: () => program.end(),
  }
}
