/** What may never happen at a verifier, whatever breaks: looked at all the while, in its own process. */
import type { Verifier } from '../../packages/verifier/src/verifier.ts'

interface Demand {
  authorization: string
  /** Where the log stood with the revocation in it. */
  epoch: string
  seq: number
  /** By verifier: it has refused this token as revoked. */
  refusedBy: boolean[]
}

export interface Invariants {
  readonly breaches: readonly string[]
  /** Verdicts taken so far. */
  readonly looks: number
  /** From now on: who has read the log as far as this never accepts the token; and who refused it once never does again. */
  demand(token: string, cursor: string): void
}

const everyMs = 50

export function watchInvariants(verifiers: readonly Verifier[]): Invariants {
  const demands: Demand[] = []
  const breaches: string[] = []
  let looks = 0

  async function look(verifier: Verifier, index: number, demand: Demand): Promise<void> {
    const { cursor = '', state } = verifier.metrics()
    const [epoch, seq] = cursor.split('.')
    const knows = epoch === demand.epoch && Number(seq) >= demand.seq
    const verdict = await verifier.verify({ authorization: demand.authorization })
    looks += 1
    if (!verdict.ok) demand.refusedBy[index] ||= verdict.reason === 'revoked'
    else if (knows) breaches.push(`accepted at ${cursor} (${state}) what was revoked at ${demand.epoch}.${demand.seq}`)
    else if (demand.refusedBy[index]) breaches.push(`accepted (${state}) what it had refused as revoked`)
  }

  const lookAll = async () => {
    await Promise.all(verifiers.flatMap((verifier, index) => demands.map((demand) => look(verifier, index, demand))))
    setTimeout(lookAll, everyMs).unref()
  }
  void lookAll()

  return {
    breaches,
    get looks() {
      return looks
    },
    demand(token, cursor) {
      const [epoch = '', seq] = cursor.split('.')
      demands.push({ authorization: `Bearer ${token}`, epoch, seq: Number(seq), refusedBy: [] })
    },
  }
}
