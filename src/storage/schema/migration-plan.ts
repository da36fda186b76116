/** What is left to do on a database, decided from names alone before anything changes. */
import { Failure } from '../../errors/failure.ts'

export interface Migration {
  /** File name without `.sql`: six digits, a dash, words. */
  name: string
  sql: string
  /** SHA-256 of the text, by which an edited file is found out. */
  checksum: string
  /** A migration: programs that do not know it cannot run beside this one. Null where any can. */
  needs: string | null
  /** The file stands for all migrations up to one, which a release carried last. */
  replaces: { upTo: string; release: string } | null
}

export interface AppliedMigration {
  name: string
  checksum: string
  at: Date
  /** As the release that applied it said. */
  needs: string | null
  /** That release; null where it was not written down. */
  release: string | null
}

export interface MigrationPlan {
  /** In order. */
  pending: Migration[]
  /** Names of what a newer release has applied, and this program can live with. */
  ahead: string[]
}

/** @throws Failure when the database and the files contradict each other */
export function planMigrations(files: readonly Migration[], applied: readonly AppliedMigration[]): MigrationPlan {
  const [first] = files
  const base = first?.replaces ?? null
  if (base && applied.length > 0 && !applied.some(({ name }) => name >= base.upTo)) throw tooOld(applied, base)
  const isReplaced = (name: string) => base !== null && name <= base.upTo
  const known = new Map(files.map((file) => [file.name, file]))
  const knows = (name: string) => known.has(name) || isReplaced(name)
  const ahead = applied.filter(({ name }) => !knows(name))
  const strange = ahead.find(({ name }) => name < (files.at(-1)?.name ?? ''))
  if (strange) throw isUnknown(strange)
  const breaking = ahead.find(({ needs }) => needs !== null && !knows(needs))
  if (breaking) throw tooNew(breaking, applied)
  const edited = applied.find(({ name, checksum }) => known.has(name) && known.get(name)?.checksum !== checksum)
  if (edited) throw wasEdited(edited)
  const done = new Set(applied.map(({ name }) => name))
  const pending = files.filter(({ name }) => !done.has(name))
  const last = applied.at(-1)?.name ?? ''
  const overtaken = pending.find(({ name }) => name < last)
  if (overtaken) throw cameTooLate(overtaken, last)
  // What the first file stands for is there: it is only written down.
  const isThere = applied.some(({ name }) => isReplaced(name))
  return {
    pending: pending.map((file) => (isThere && file === first ? { ...file, sql: '' } : file)),
    ahead: ahead.map(({ name }) => name),
  }
}

const tooOld = (applied: readonly AppliedMigration[], { release }: { release: string }) =>
  new Failure(
    'schema_too_old',
    'conflict',
    `The database stands at ${applied.at(-1)?.name}, and this release upgrades from release ${release} on: run \`claviger migrate\` of ${release} first, then of this one.`,
  )

function tooNew({ name, needs, release }: AppliedMigration, applied: readonly AppliedMigration[]): Failure {
  const by = release ? ` by release ${release}` : ' by a newer release'
  const least = applied.find((one) => one.name === needs)?.release
  return new Failure(
    'schema_too_new',
    'conflict',
    `The database has been migrated${by}, and no program can run on it that does not know ${needs} (it has ${name}): run ${least ? `release ${least} or later` : 'a newer release'}, or restore the backup made before the upgrade.`,
  )
}

const isUnknown = ({ name }: AppliedMigration) =>
  new Failure(
    'migration_unknown',
    'conflict',
    `The database has ${name}, and this release has later ones but not that one: put db/migrations/${name}.sql back, or use the database that this release belongs to.`,
  )

const wasEdited = ({ name }: AppliedMigration) =>
  new Failure(
    'migration_edited',
    'conflict',
    `db/migrations/${name}.sql is not what was applied to this database: put the released file back, and make the change in a new migration.`,
  )

const cameTooLate = ({ name }: Migration, last: string) =>
  new Failure(
    'migration_out_of_order',
    'conflict',
    `db/migrations/${name}.sql comes before ${last}, which is already applied: give it a number after that one.`,
  )
