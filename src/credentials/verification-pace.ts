/** A little above the typical time, so that random variation rarely reveals the most expensive hashes. */
const margin = 1.25
/** The weight of one measurement in the typical time. A single stall of the machine must not change it much. */
const weight = 0.2
/** No sign-in waits longer than this, whatever was measured. */
const longestMs = 2_000
/** More forms and costs than any deployment has. */
const mostCosts = 32

/** The common part of hashes of one form and cost: everything before the salt. */
const costPattern = /^\$[^$]+(?:\$(?:\d+|[a-z]+=[^$]*)(?=\$))*/

/** Form, cost, and the length of the rest. Hashes of one shape are verified in the same way. */
export function shapeOf(stored: string): string {
  const cost = costPattern.exec(stored)?.[0] ?? ''
  return cost + stored.slice(cost.length).replace(/[^$]/g, '.')
}

/**
 * The least time of a verification. Other programs' hashes may cost more than ours, so timing would reveal that such an
 * account exists. Therefore all verifications take as long as the most expensive form. The wait costs no work, and
 * there is none when all hashes are ours.
 */
export class VerificationPace {
  readonly #typicalMs = new Map<string, number>()

  /** Records how long a verification took, against a hash with another form or cost than today's. */
  learn(stored: string, tookMs: number): void {
    const cost = costPattern.exec(stored)?.[0]
    if (!cost) return
    const typical = this.#typicalMs.get(cost)
    if (typical === undefined) {
      if (this.#typicalMs.size < mostCosts) this.#typicalMs.set(cost, tookMs)
      return
    }
    this.#typicalMs.set(cost, typical + weight * (Math.min(tookMs, 2 * typical) - typical))
  }

  /** Has a hash of the same form and cost been measured? */
  knows(stored: string): boolean {
    return this.#typicalMs.has(costPattern.exec(stored)?.[0] ?? '')
  }

  /** Milliseconds; 0 when all measured hashes have today's form and cost. */
  get leastMs(): number {
    return Math.min(longestMs, margin * Math.max(0, ...this.#typicalMs.values()))
  }
}
