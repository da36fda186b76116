/**
 * From the moment a revocation is written (`created_at`, just before its commit)
 * to the moment at which the last verifier of all knows. One machine, one clock.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { kinds } from '../../src/revocation/revocation.ts'
import type { Revocable, Revocables } from '../../test/harness/revocable.ts'
import { VerifierFleet } from '../../test/harness/verifier-fleet.ts'
import { cpuMicroseconds } from '../proc-stat.ts'
import type { RevocationStage } from './stage.ts'

export interface Sample {
  kind: Revocable['kind']
  by: Revocable['by']
  /** Milliseconds until the first and until the last verifier knew. */
  firstMs: number
  lastMs: number
}

export interface LatencyRun {
  verifiers: number
  processes: number
  samples: Sample[]
  /** Cores in use meanwhile: by all nodes, and by all verifiers. */
  nodeCores: number
  verifierCores: number
}

export interface LatencyOptions {
  verifiers: number
  processes: number
  each: number
  /** Between two revocations, on average; they do not wait for each other. */
  meanGapMs: number
  /** What ends everything else, so it comes last: a signing key, or whatever the issuer issued so far. */
  last: 'key' | 'issuer'
}

export async function measureLatency(
  { nodes, registered, db }: RevocationStage,
  revocables: Revocables,
  options: LatencyOptions,
): Promise<LatencyRun> {
  const { verifiers, processes, each, meanGapMs, last } = options
  const fleet = await VerifierFleet.start(registered.fleet, verifiers, processes)
  try {
    const chosen = shuffled(await revocables.make(each))
    chosen.push(await revocables[last]())
    await fleet.watch(chosen.map(({ token }) => token))
    // What checking all these tokens left behind (garbage, code to compile) is not what is measured.
    await wait(3_000)
    const nodeCpu = () => nodes.nodes.reduce((sum, { pid }) => sum + cpuMicroseconds(pid), 0)
    const before = { at: performance.now(), nodes: nodeCpu(), fleet: (await fleet.breaches()).cpuMicroseconds }
    const lasts = chosen.map(({ token }) => fleet.applied(token))
    for (const [index, target] of chosen.entries()) {
      await wait(-Math.log(1 - Math.random()) * meanGapMs)
      if (index === chosen.length - 1) await Promise.all(lasts.slice(0, index))
      await target.revoke()
    }
    const known = await Promise.all(lasts)
    const tookUs = (performance.now() - before.at) * 1000
    const nodeCores = (nodeCpu() - before.nodes) / tookUs
    const verifierCores = ((await fleet.breaches()).cpuMicroseconds - before.fleet) / tookUs
    if (fleet.faults.length > 0) throw new Error(`verifiers refused what was not revoked: ${fleet.faults.join('; ')}`)
    const samples = await Promise.all(
      chosen.map(async ({ kind, by, token }, index) => {
        const writtenAt = await writtenAtOf(db, kind, token)
        const { firstAt = 0, lastAt = 0 } = known[index] ?? {}
        return { kind, by, firstMs: firstAt - writtenAt, lastMs: lastAt - writtenAt }
      }),
    )
    return { verifiers, processes, samples, nodeCores, verifierCores }
  } finally {
    await fleet.stop()
  }
}

const numbers: Record<Revocable['kind'], number> = kinds

/** Milliseconds since 1970 at which the first entry that voids the token was written. */
async function writtenAtOf(db: RevocationStage['db'], kind: Revocable['kind'], token: string): Promise<number> {
  const claims = decodeJwt(token)
  const names: Record<Revocable['kind'], unknown> = {
    jti: claims.jti,
    sid: claims['sid'],
    grant: claims['grant_id'],
    sub: claims.sub,
    client: claims['client_id'],
    kid: decodeProtectedHeader(token).kid,
    issuer: claims.iss,
  }
  const named = Object.keys(numbers) as Revocable['kind'][]
  const { rows } = await db.query<{ at: number | null; kinds: number[] }>(
    `select (extract(epoch from min(created_at)) * 1000)::float8 as at, array_agg(kind::int) as kinds
       from revocations join unnest($1::smallint[], $2::text[]) as named(kind, value) using (kind, value)
      where not_before is null or not_before > $3`,
    [named.map((one) => numbers[one]), named.map((one) => String(names[one])), claims.iat],
  )
  const [row] = rows
  if (!row?.at || !row.kinds.includes(numbers[kind])) throw new Error(`no entry of kind ${kind} was written`)
  return row.at
}

function shuffled<Item>(items: Item[]): Item[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1))
    ;[items[last], items[other]] = [items[other] as Item, items[last] as Item]
  }
  return items
}
