/**
 * The key life cycle in its simplest form: whole hours, lists and no locks. The oracle states what must hold after
 * each move, and the keyring must agree with it after any moves. It shares no code with the keyring.
 */
export const INTERVAL = 30
export const LEAD = 6
export const RETENTION = 20
export const CACHE = 3

interface Piece {
  /** Unknown until the keyring has named the key that it had to create. */
  kid: string | undefined
  publishedAt: number
  signsSince: number
  keptUntil: number
  wanted: boolean
  /** It signs before its lead is over. */
  hurried: boolean
  /** It has signed for a canary as the standby. */
  tried: boolean
}

export interface Side {
  active: Piece
  standby: Piece
  retired: Piece[]
}

const piece = (hour: number): Piece => ({
  kid: undefined,
  publishedAt: hour,
  signsSince: -1,
  keptUntil: -1,
  wanted: false,
  hurried: false,
  tried: false,
})

export class LifeCycleOracle {
  hour = 0
  canary: string | undefined
  /** Kids that must never be in the JWKS again. */
  readonly gone = new Set<string>()
  readonly sides = new Map<string, Side>()
  /** The JWKS in verifiers' caches: that of an earlier hour, kept for its max-age. */
  caches: { kids: ReadonlySet<string>; until: number }[] = []
  /** The tokens that were signed and not revoked. Each must verify until its expiry. */
  signed: { kid: string; until: number }[] = []

  begin(algorithms: readonly string[]): void {
    for (const alg of algorithms) this.#fresh(alg)
  }

  dueAt({ active, standby }: Side): number {
    const ready = standby.publishedAt + LEAD
    return Math.max(
      ready,
      standby.wanted ? Math.min(ready, active.signsSince + INTERVAL) : active.signsSince + INTERVAL,
    )
  }

  nameCanary(clientId: string | undefined): void {
    this.canary = clientId
    for (const side of this.sides.values()) this.#try(side)
  }

  step(): void {
    for (const [alg, side] of this.sides) {
      this.#try(side)
      for (const key of side.retired.filter(({ keptUntil }) => keptUntil <= this.hour)) this.#leave(side, key)
      if (this.dueAt(side) <= this.hour) this.#promote(alg, false)
    }
  }

  rotate(alg: string, now: boolean): void {
    const side = this.sides.get(alg) as Side
    if (side.standby.publishedAt + LEAD <= this.hour) this.#promote(alg, false)
    else if (now) this.#promote(alg, true)
    else side.standby.wanted = true
  }

  revoke(alg: string, kid: string): void {
    const side = this.sides.get(alg) as Side
    this.signed = this.signed.filter((one) => one.kid !== kid)
    this.gone.add(kid)
    if (side.active.kid === kid) {
      side.active = { ...side.standby, signsSince: this.hour, wanted: false, hurried: true }
      side.standby = piece(this.hour)
    } else if (side.standby.kid === kid) side.standby = piece(this.hour)
    else side.retired = side.retired.filter((key) => key.kid !== kid)
  }

  revokeAll(): void {
    for (const [alg, { active, standby, retired }] of this.sides) {
      for (const { kid } of [active, standby, ...retired]) if (kid) this.gone.add(kid)
      this.#fresh(alg)
    }
    this.signed = []
  }

  importStandby(alg: string, kid: string): void {
    const side = this.sides.get(alg) as Side
    if (side.standby.tried) side.retired.push({ ...side.standby, keptUntil: this.hour + RETENTION })
    else if (side.standby.kid) this.gone.add(side.standby.kid)
    side.standby = { ...piece(this.hour), kid }
  }

  /** Whether `keys remove` is allowed now; if so, removes the key. */
  remove(alg: string, kid: string): boolean {
    const side = this.sides.get(alg) as Side
    const key = side.retired.find((one) => one.kid === kid)
    if (!key || key.keptUntil > this.hour) return false
    this.#leave(side, key)
    return true
  }

  #try({ standby }: Side): void {
    if (this.canary !== undefined && standby.publishedAt + LEAD <= this.hour) standby.tried = true
  }

  #fresh(alg: string): void {
    const active = { ...piece(this.hour), signsSince: this.hour, hurried: true }
    this.sides.set(alg, { active, standby: piece(this.hour), retired: [] })
  }

  #promote(alg: string, hurried: boolean): void {
    const side = this.sides.get(alg) as Side
    side.retired.push({ ...side.active, keptUntil: this.hour + RETENTION })
    side.active = { ...side.standby, signsSince: this.hour, wanted: false, hurried }
    side.standby = piece(this.hour)
  }

  #leave(side: Side, key: Piece): void {
    if (key.kid) this.gone.add(key.kid)
    side.retired = side.retired.filter((one) => one !== key)
  }
}
