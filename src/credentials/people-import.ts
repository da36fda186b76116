/** Takes people over from another program, a batch at a time: who is here already stays exactly as they are. */
import { type ImportRow, readImportRow } from '../accounts/import-row.ts'
import { normaliseLogin } from '../accounts/login.ts'
import { Failure } from '../errors/failure.ts'
import type { AuditEntry } from '../events/events.ts'
import { type ImportedHash, readImportedHash } from './imported-hash.ts'
import type { PasswordHasher } from './password-hasher.ts'
import type { FirebaseHashConfig } from './people-forms/firebase.ts'
import { isRecord, type PeopleForm, type PersonRecord } from './people-forms/people-form.ts'
import { formOf, isFaultOfFile } from './people-forms/people-forms.ts'
import type { PeopleImportStore, TakenName } from './people-import-store.ts'

/**
 * One person of the file: JSON, or a row of CSV by its columns; or why it cannot be read. Lines are numbered from 1; of a
 * person that takes several, it is the first.
 */
export type ImportLine =
  | { line: number; text: string }
  | { line: number; columns: Readonly<Record<string, string>> }
  | { line: number; fault: string }

/** What became of a line; in a dry run, what would. */
export interface ImportOutcome {
  line: number
  /** `unchanged`: this person was imported before, and was left alone. */
  outcome: 'added' | 'unchanged' | 'collision' | 'refused'
  email?: string
  id?: string
  reason?: string
  /** Claims of another program that are not kept here, for they are not of the form of OpenID Connect. */
  left_out?: readonly string[]
}

export interface PeopleImportNeeds {
  store: PeopleImportStore
  hasher: Pick<PasswordHasher, 'keep' | 'canVerify'>
  record(entry: AuditEntry): void
  /** Resolves when what was recorded is kept. */
  flush(): Promise<void>
}

export interface PeopleImportOptions {
  /** Says what would happen, and changes nothing. */
  dryRun: boolean
  /** For the audit log. */
  actor: string
  /** Of the project whose users these are, where they come from Firebase. */
  firebaseHash?: FirebaseHashConfig | undefined
  /** Called once, with the name of the form in which people are written. */
  onForm?(name: string): void
}

/** People added by one statement; as many hashes wait for their turn. */
export const importBatchSize = 200

/**
 * Reports every line in order, a batch after it was committed. Of the file it keeps in memory only the names that it
 * met, to find those that occur twice.
 * @throws Failure (invalid) where the file as a whole is not understood
 * @throws Failure `database_unavailable`: what was reported before is done
 */
export async function* importPeople(
  needs: PeopleImportNeeds,
  lines: AsyncIterable<ImportLine>,
  options: PeopleImportOptions,
): AsyncGenerator<ImportOutcome> {
  const reader: Reader = { options, form: undefined, met: { logins: new Map(), ids: new Map() } }
  for await (const batch of inBatches(lines)) {
    const readings: Reading[] = []
    for (const line of batch) readings.push(await tried(needs, readLine(line, reader)))
    yield* await settle(needs, readings, options)
  }
}

interface Candidate extends ImportRow {
  line: number
  login: string
  hash: ImportedHash | undefined
}

type Reading = ImportOutcome | Candidate

const isOutcome = (reading: Reading): reading is ImportOutcome => 'outcome' in reading

interface Reader {
  options: PeopleImportOptions
  /** Known from the first person on. */
  form: PeopleForm | undefined
  met: MetNames
}

interface MetNames {
  /** In which line. */
  logins: Map<string, number>
  ids: Map<string, number>
}

async function* inBatches(lines: AsyncIterable<ImportLine>): AsyncGenerator<ImportLine[]> {
  let batch: ImportLine[] = []
  for await (const line of lines) {
    batch.push(line)
    if (batch.length < importBatchSize) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function readLine(given: ImportLine, reader: Reader): Reading {
  const { line } = given
  const { met } = reader
  if ('fault' in given) return { line, outcome: 'refused', reason: given.fault }
  let email: string | undefined
  try {
    const row = rowOf(given, reader)
    email = row.person.email
    const { id } = row.person
    const hash = row.passwordHash === undefined ? undefined : readImportedHash(row.passwordHash)
    const login = normaliseLogin(email) ?? email
    const earlier = met.logins.get(login)
    if (earlier !== undefined) return collision({ line, email }, `line ${earlier} has the same sign-in name`)
    const sameId = met.ids.get(id)
    if (sameId !== undefined) return collision({ line, email }, `line ${sameId} has the same sub`)
    met.logins.set(login, line)
    if (row.hasOwnId) met.ids.set(id, line)
    return { ...row, line, login, hash }
  } catch (error) {
    if (!(error instanceof Failure) || isFaultOfFile(error)) throw error
    return { line, ...(email === undefined ? {} : { email }), outcome: 'refused', reason: error.message }
  }
}

function rowOf(given: { text: string } | { columns: PersonRecord }, reader: Reader): ImportRow {
  const record = 'columns' in given ? given.columns : parsed(given.text)
  const { firebaseHash, onForm } = reader.options
  if (!reader.form) {
    reader.form = formOf(record, 'columns' in given ? 'csv' : 'json', firebaseHash)
    onForm?.(reader.form.name)
  }
  return readImportRow(reader.form.read(record), reader.form)
}

function parsed(text: string): PersonRecord {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own words quote what it met.
    throw new Failure('row_not_json', 'invalid', 'is not JSON; write one object a line')
  }
  if (isRecord(value)) return value
  throw new Failure('row_not_object', 'invalid', 'must be an object')
}

/** Nobody is imported with a hash that no sign-in could check. */
async function tried({ hasher }: PeopleImportNeeds, reading: Reading): Promise<Reading> {
  if (isOutcome(reading) || !reading.hash || (await hasher.canVerify(reading.hash))) return reading
  const { line, person } = reading
  const reason = 'password_hash has a form that this server cannot verify.'
  return { line, email: person.email, outcome: 'refused', reason }
}

async function settle(
  needs: PeopleImportNeeds,
  readings: readonly Reading[],
  options: PeopleImportOptions,
): Promise<ImportOutcome[]> {
  const candidates = readings.filter((reading): reading is Candidate => !isOutcome(reading))
  const taken = await needs.store.findTaken(
    candidates.map(({ person }) => person.id),
    candidates.map(({ login }) => login),
  )
  const settled = new Map<number, ImportOutcome>()
  for (const candidate of candidates) {
    const standing = standingOf(candidate, taken)
    if (standing) settled.set(candidate.line, standing)
  }
  const newcomers = candidates.filter(({ line }) => !settled.has(line))
  const added = options.dryRun ? new Set(newcomers.map(({ person }) => person.id)) : await add(needs, newcomers)
  for (const { line, person, hasOwnId, leftOut } of newcomers) {
    const who = { line, email: person.email, ...(leftOut.length > 0 && { left_out: leftOut }) }
    // An id that was only drawn for a dry run would mean nothing.
    const id = options.dryRun && !hasOwnId ? {} : { id: person.id }
    const outcome: ImportOutcome = added.has(person.id)
      ? { ...who, outcome: 'added', ...id }
      : collision(who, 'another import added the same person at this moment; import again to see how they differ')
    settled.set(line, outcome)
  }
  if (!options.dryRun) await recordAll(needs, newcomers, added, options.actor)
  return readings.flatMap((reading) => (isOutcome(reading) ? reading : (settled.get(reading.line) ?? [])))
}

async function add({ store, hasher }: PeopleImportNeeds, newcomers: readonly Candidate[]): Promise<Set<string>> {
  if (newcomers.length === 0) return new Set()
  const people = newcomers.map(async ({ person, login, disabled, hash }) => ({
    person,
    login,
    disabled,
    password: hash && { hash: await hasher.keep(hash), origin: hash.origin },
  }))
  return store.add(await Promise.all(people))
}

async function recordAll(
  { record, flush }: PeopleImportNeeds,
  newcomers: readonly Candidate[],
  added: ReadonlySet<string>,
  actor: string,
): Promise<void> {
  for (const { person, disabled } of newcomers) {
    if (!added.has(person.id)) continue
    record({ kind: 'account.created', actor, accountId: person.id, detail: { imported: true, disabled } })
  }
  await flush()
}

/** What stands in this person's way, or that they are here; undefined for somebody new. */
function standingOf(candidate: Candidate, taken: readonly TakenName[]): ImportOutcome | undefined {
  const { line, person, login, hasOwnId, hash } = candidate
  const who = { line, email: person.email }
  const stranger = taken.find(({ id, login: other }) => id === person.id && other !== login)
  if (stranger) return collision(who, strangers[stranger.holder])
  const here = taken.find((each) => each.login === login)
  if (!here) return undefined
  if (hasOwnId && here.id !== person.id) return collision(who, 'the person with this sign-in name has another sub here')
  if (hash && hash.origin !== here.importedFrom) {
    const has = here.hasPassword ? 'another password' : 'no password'
    return collision(who, `the person is here already and has ${has}, which stays as it is`)
  }
  return { ...who, outcome: 'unchanged', id: here.id }
}

const strangers = {
  person: 'its sub is that of a person with another sign-in name here',
  removed: 'its sub was that of a person who was removed here; an account id is never used again',
  app: 'its sub is the id of an app here; an app could pass for this person',
} as const satisfies Record<TakenName['holder'], string>

const collision = (who: { line: number; email: string }, reason: string): ImportOutcome => ({
  ...who,
  outcome: 'collision',
  reason,
})
