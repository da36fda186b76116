/** How commands show keys and their changes. */
import type { KeyChange } from '../../keyring/cycle/change-keys.ts'
import type { KeyRow } from '../../keyring/cycle/key-row.ts'
import { isConfirmed, unconfirmedText } from '../bound.ts'
import type { DeskKeyring, NodesHeard } from '../desk.ts'
import { fromNow } from '../moment.ts'
import type { Cell, Printer } from '../printer.ts'

/** Programs rely on these names and their order. */
export const keyJson = (key: KeyRow) => ({
  kid: key.kid,
  alg: key.alg,
  state: key.state,
  created_at: key.createdAt,
  publish_at: key.publishAt,
  active_at: key.activeAt ?? null,
  canary_at: key.canaryAt ?? null,
  retired_at: key.retiredAt ?? null,
  removable_at: key.removableAt ?? null,
  reason: key.reason ?? null,
})

/** Rows of `keys list --json`, each with the next rotation of its algorithm. */
export async function keyRowsJson(keyring: Pick<DeskKeyring, 'nextRotationAt'>, keys: readonly KeyRow[]) {
  const next = await nextRotations(keyring, keys)
  return keys.map((key) => ({ ...keyJson(key), next_rotation_at: next.get(key.alg) ?? null }))
}

export async function nextRotations(
  keyring: Pick<DeskKeyring, 'nextRotationAt'>,
  keys: readonly KeyRow[],
): Promise<Map<string, Date | undefined>> {
  const algorithms = [...new Set(keys.map((key) => key.alg))]
  return new Map(await Promise.all(algorithms.map(async (alg) => [alg, await keyring.nextRotationAt(alg)] as const)))
}

export const changeJson = (change: KeyChange, dryRun: boolean) => ({
  ...(dryRun ? { dry_run: true } : {}),
  steps: change.steps.map(({ at, kid, alg, what }) => ({ at, kid: kid ?? null, alg, what })),
  ...(change.acceptedUntil ? { accepted_until: change.acceptedUntil } : {}),
  ...(change.unknownUntil ? { unknown_until: change.unknownUntil } : {}),
  keys: change.keys.map(keyJson),
})

const tones = { active: 'good', pending: 'warn', retired: 'dim', removed: 'dim', revoked: 'bad' } as const

export function printKeys(printer: Printer, keys: readonly KeyRow[]): void {
  const now = printer.now()
  printer.table(
    ['KID', 'ALG', 'STATE', 'PUBLISHED', 'SIGNS SINCE', 'RETIRED', 'REMOVABLE'],
    keys.map((key): Cell[] => [
      key.kid,
      key.alg,
      { text: key.state, tone: tones[key.state] },
      fromNow(key.publishAt, now),
      fromNow(key.activeAt, now),
      fromNow(key.retiredAt, now),
      fromNow(key.removableAt, now),
    ]),
  )
}

const precise = (at: Date): string => `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`

/** @param heard which running nodes confirmed a revocation */
export function printChange(printer: Printer, change: KeyChange, dryRun: boolean, heard?: NodesHeard): void {
  if (change.steps.length === 0) printer.line('Nothing to do.')
  const now = printer.now()
  for (const { at, kid, alg, what } of change.steps) {
    printer.line({ text: `${fromNow(at, now)}: `, tone: 'dim' }, `${alg} ${kid ?? ''} ${what}`.replace(/ {2,}/g, ' '))
  }
  if (change.acceptedUntil) {
    printer.line(
      heard && !isConfirmed(heard)
        ? unconfirmedText(heard)
        : 'A verifier that follows the revocation feed refuses its tokens within a second.',
    )
    printer.line(`A verifier that only caches the JWKS can accept them until ${precise(change.acceptedUntil)}.`)
  }
  if (change.unknownUntil) {
    printer.line(
      `The signing key may be missing from caches. A verifier that does not fetch unknown keys refuses new tokens until ${precise(change.unknownUntil)} at most.`,
    )
  }
  printer.line()
  printKeys(printer, change.keys)
  printer.note(
    dryRun ? 'Dry run: nothing was changed.' : 'Nodes connected to this database apply the change within a second.',
  )
}
