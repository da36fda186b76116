/** Two nodes that reach their database through doors, a real standby of it, and verifiers that follow the feed. */
import { expect } from '@jest/globals'
import { type Nodes, type Registered, register, serviceToken } from '../../harness/deployment.ts'
import { eventually } from '../../harness/eventually.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { type SystemPostgres, startSystemPostgres } from '../../harness/system-postgres.ts'
import { type Door, openDoor } from '../../harness/tcp-door.ts'
import { VerifierFleet } from '../../harness/verifier-fleet.ts'

/** Slow machines are patient ones: what never comes fails all the same. */
export const patiently = { tries: 600, pauseMs: 50 }

export interface Revoked {
  revoked: boolean
  void_by: string | null
  confirmed_by: number
  unconfirmed: string[]
}

export class MovingStage {
  readonly old: SystemPostgres
  /** Becomes the primary by `promote`. */
  readonly standby: SystemPostgres
  /** Between each node and the database. Commands go through the first. */
  readonly doors: Door[]
  readonly nodes: Nodes
  readonly registered: Registered
  readonly fleet: VerifierFleet

  private constructor(parts: Pick<MovingStage, 'old' | 'standby' | 'doors' | 'nodes' | 'registered' | 'fleet'>) {
    this.old = parts.old
    this.standby = parts.standby
    this.doors = parts.doors
    this.nodes = parts.nodes
    this.registered = parts.registered
    this.fleet = parts.fleet
  }

  static async open(binaries: string, more: Record<string, string> = {}): Promise<MovingStage> {
    const old = await startSystemPostgres(binaries)
    const doors = [await openDoor({ path: old.path }), await openDoor({ path: old.path })]
    const urlOf = ({ port }: Door) => `postgres://claviger@127.0.0.1:${port}/postgres?sslmode=disable`
    const [first, second] = doors.map(urlOf) as [string, string]
    const key = { CLAVIGER_KEY_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64url'), ...more }
    const one = await startProvider({ database: { url: first }, env: key })
    const shared = { ...key, CLAVIGER_ISSUER: one.issuer }
    const two = await startProvider({ database: { url: second }, env: shared })
    const nodes: Nodes = {
      issuer: one.issuer,
      nodes: [one, two],
      env: shared,
      stop: async () => void (await Promise.all([one.stop(), two.stop()])),
    }
    const registered = await register(nodes)
    const standby = await old.follow()
    const fleet = await VerifierFleet.start(registered.fleet, 2, 1)
    return new MovingStage({ old, standby, doors, nodes, registered, fleet })
  }

  node(index: number): Provider {
    return this.nodes.nodes[index] as Provider
  }

  /** All that was committed is on the standby. */
  async standbyCaughtUp(): Promise<void> {
    const [at] = await this.old.ask<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn')
    const caughtUp = await eventually(async () => {
      const [row] = await this.standby.ask<{ there: boolean }>(
        `select pg_last_wal_replay_lsn() >= '${at?.lsn}' as there`,
      )
      return row?.there
    }, patiently)
    expect(caughtUp).toBe(true)
  }

  async promote(): Promise<void> {
    await this.standby.ask('select pg_promote()')
  }

  /** New connections through these doors reach the promoted standby; open sockets stay where they are. */
  lead(doors = this.doors): void {
    for (const door of doors) door.lead({ path: this.standby.path })
  }

  /** A token that every verifier accepts. */
  async acceptedToken(): Promise<string> {
    const token = await serviceToken(this.node(0), this.registered.service)
    const isAccepted = async () => (await this.outcomes(token)).every((one) => one === 'accepted') || undefined
    expect(await eventually(isAccepted, patiently)).toBe(true)
    return token
  }

  async outcomes(token: string): Promise<string[]> {
    return (await this.fleet.look([token])).flatMap(({ outcomes }) => outcomes)
  }

  async states(): Promise<string[]> {
    return (await this.fleet.look()).map(({ state }) => state)
  }

  /** By the command, whatever it answers. */
  async revoke(jti: string): Promise<Revoked | undefined> {
    const { code, stdout } = await this.node(0).command(['tokens', 'revoke', '--jti', jti, '--json'])
    return code === 0 ? (JSON.parse(stdout) as Revoked) : undefined
  }

  async ready(index: number): Promise<Record<string, unknown>> {
    const answer = await fetch(`http://localhost:${this.node(index).port}/health/ready`)
    return { code: answer.status, ...((await answer.json()) as object) }
  }

  async untilReady(): Promise<void> {
    const isReady = async () => {
      const all = await Promise.all(this.nodes.nodes.map((_, index) => this.ready(index)))
      return all.every(({ code }) => code === 200) || undefined
    }
    expect(await eventually(isReady, patiently)).toBe(true)
  }

  /** Connections of nodes that are still open at the old server, though the standby is the primary. */
  leftBehind(): Promise<unknown[]> {
    return this.old.ask(
      `select application_name, state, query, backend_start from pg_stat_activity
        where application_name like 'claviger%' and pid <> pg_backend_pid()`,
    )
  }

  async close(): Promise<void> {
    await this.fleet.stop()
    await this.nodes.stop()
    await Promise.all(this.doors.map((door) => door.close()))
    await this.standby.stop()
    await this.old.stop()
  }
}
