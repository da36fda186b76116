/** Imports people from another program, a batch at a time. People who exist already are not changed. */
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
 * One person of the file, as JSON or as a row of CSV by columns, or the fault of the line. Lines are numbered from 1. A
 * person on several lines has the number of the first.
 */
export type ImportLine =
  | { line: number; text: string }
  | { line: number; columns: Readonly<Record<string, string>> }
  | { line: number; fault: string }

/** The result for a line; in a dry run, the expected result. */
export interface ImportOutcome {
  line: number
  /** `unchanged`: this person was imported before and was not changed. */
  outcome: 'added' | 'unchanged' | 'collision' | 'refused'
  email?: string
  id?: string
  reason?: string
  /** Claims of another program that are not stored, because they do not have the form of OpenID Connect. */
  left_out?: readonly string[]
}

export interface PeopleImportNeeds {
  store: PeopleImportStore
  hasher: Pick<PasswordHasher, 'keep' | 'canVerify'>
  record(entry: AuditEntry): void
  /** Resolves when the recorded events are stored. */
  flush(): Promise<void>
}

export interface PeopleImportOptions {
  /** Reports the expected results and changes nothing. */
  dryRun: boolean
  /** For the audit log. */
  actor: string
  /** The hash parameters of the Firebase project, for users from Firebase. */
  firebaseHash?: FirebaseHashConfig | undefined
  /** Called once, with the name of the file's form. */
  onForm?(name: string): void
}

/** People that one statement adds; the same number of hashes wait in the queue. */
export const importBatchSize = 200

/**
 * Reports every line in order, each batch after its commit. It keeps only the names of the file in memory, to find
 * duplicates.
 * @throws Failure (invalid) when the whole file cannot be understood
 * @throws Failure `database_unavailable`; lines that were reported before are stored
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
  /** Set from the first person on. */
  form: PeopleForm | undefined
  met: MetNames
}

interface MetNames {
  /** The line of each name. */
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
    // The parser's message would quote the text.
    throw new Failure('row_not_json', 'invalid', 'is not JSON; write one object a line')
  }
  if (isRecord(value)) return value
  throw new Failure('row_not_object', 'invalid', 'must be an object')
}

/** Refuses a person whose hash no sign-in could check. */
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
    const existing = existingOutcome(candidate, taken)
    if (existing) settled.set(candidate.line, existing)
  }
  const newcomers = candidates.filter(({ line }) => !settled.has(line))
  const added = options.dryRun ? new Set(newcomers.map(({ person }) => person.id)) : await add(needs, newcomers)
  for (const { line, person, hasOwnId, leftOut } of newcomers) {
    const who = { line, email: person.email, ...(leftOut.length > 0 && { left_out: leftOut }) }
    // A dry run makes no lasting id, so none is reported.
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

/** The reason against adding this person, or the fact that they exist already; undefined for a new person. */
function existingOutcome(candidate: Candidate, taken: readonly TakenName[]): ImportOutcome | undefined {
  const { line, person, login, hasOwnId, hash } = candidate
  const who = { line, email: person.email }
  const sameId = taken.find(({ id, login: other }) => id === person.id && other !== login)
  if (sameId) return collision(who, takenBy[sameId.holder])
  const here = taken.find((each) => each.login === login)
  if (!here) return undefined
  if (hasOwnId && here.id !== person.id) return collision(who, 'the person with this sign-in name here has another sub')
  if (hash && hash.origin !== here.importedFrom) {
    const has = here.hasPassword ? 'another password' : 'no password'
    return collision(who, `the person exists here already and has ${has}, which stays unchanged`)
  }
  return { ...who, outcome: 'unchanged', id: here.id }
}

const takenBy = {
  person: 'its sub belongs to a person with another sign-in name here',
  removed: 'its sub belonged to a person who was removed here; an account id is never used again',
  app: 'its sub is the id of an app here; an app could pass for this person',
} as const satisfies Record<TakenName['holder'], string>

const collision = (who: { line: number; email: string }, reason: string): ImportOutcome => ({
  ...who,
  outcome: 'collision',
  reason,
})
