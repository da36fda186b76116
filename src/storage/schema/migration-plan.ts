/** Decides which migrations a database still needs, from names and checksums alone, before anything changes. */
import { Failure } from '../../errors/failure.ts'

export interface Migration {
  /** File name without `.sql`: six digits, a dash, words. */
  name: string
  sql: string
  /** SHA-256 of the text; it reveals an edited file. */
  checksum: string
  /** Name of a migration. A program that does not know it cannot run on this schema. Null if every program can. */
  needs: string | null
  /** The file replaces all migrations up to `upTo`; `release` is the last release that carried them. */
  replaces: { upTo: string; release: string } | null
}

export interface AppliedMigration {
  name: string
  checksum: string
  at: Date
  /** As recorded by the release that applied the migration. */
  needs: string | null
  /** The release that applied the migration; null if it was not recorded. */
  release: string | null
}

export interface MigrationPlan {
  /** In order. */
  pending: Migration[]
  /** Names of migrations that a newer release applied and that this program can run with. */
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
  // The migrations that the first file replaces are applied, so the file is only recorded.
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
    `The last migration in the database is ${applied.at(-1)?.name}, but this release upgrades only from release ${release} or later. Run \`claviger migrate\` of ${release} first, then of this release.`,
  )

function tooNew({ name, needs, release }: AppliedMigration, applied: readonly AppliedMigration[]): Failure {
  const by = release ? ` by release ${release}` : ' by a newer release'
  const least = applied.find((one) => one.name === needs)?.release
  return new Failure(
    'schema_too_new',
    'conflict',
    `The database has been migrated${by} to ${name}, and only programs that know ${needs} can run on it. Run ${least ? `release ${least} or later` : 'a newer release'}, or restore the backup made before the upgrade.`,
  )
}

const isUnknown = ({ name }: AppliedMigration) =>
  new Failure(
    'migration_unknown',
    'conflict',
    `The database has the migration ${name}, which this release lacks although it has later ones. Put db/migrations/${name}.sql back, or use the database that belongs to this release.`,
  )

const wasEdited = ({ name }: AppliedMigration) =>
  new Failure(
    'migration_edited',
    'conflict',
    `db/migrations/${name}.sql differs from the file that was applied to this database. Put the released file back, and make the change in a new migration.`,
  )

const cameTooLate = ({ name }: Migration, last: string) =>
  new Failure(
    'migration_out_of_order',
    'conflict',
    `db/migrations/${name}.sql comes before ${last}, which is already applied. Give the file a higher number.`,
  )
