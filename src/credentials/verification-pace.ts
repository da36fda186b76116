/** A little above what is typical, so that chance makes few of the dearest stand out. */
const margin = 1.25
/** How far one measurement moves what counts as typical; a single stall of the machine must not. */
const weight = 0.2
/** Nobody waits longer than that, whatever was measured. */
const longestMs = 2_000
/** More forms and costs than anybody has. */
const mostCosts = 32

/** What hashes of one form and cost have in common: all that stands before the salt. */
const costPattern = /^\$[^$]+(?:\$(?:\d+|[a-z]+=[^$]*)(?=\$))*/

/** Form, cost, and the length of all that follows: hashes of one shape are verified alike. */
export function shapeOf(stored: string): string {
  const cost = costPattern.exec(stored)?.[0] ?? ''
  return cost + stored.slice(cost.length).replace(/[^$]/g, '.')
}

/**
 * How long a verification takes at least. Hashes that other programs made cost more than ours, and whoever counts
 * milliseconds would learn that a name is there: so all wait for the dearest. Waiting costs no work, and where all hashes
 * are ours nobody waits.
 */
export class VerificationPace {
  readonly #typicalMs = new Map<string, number>()

  /** A verification against a hash that is not one of today's took this long. */
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

  /** Milliseconds; 0 where nothing but hashes of today has been seen. */
  get leastMs(): number {
    return Math.min(longestMs, margin * Math.max(0, ...this.#typicalMs.values()))
  }
}
