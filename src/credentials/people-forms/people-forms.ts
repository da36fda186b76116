/** Recognises by a file's first person which program wrote it. */
import { Failure } from '../../errors/failure.ts'
import { auth0 } from './auth0.ts'
import { cognito } from './cognito.ts'
import { django } from './django.ts'
import { type FirebaseHashConfig, firebase } from './firebase.ts'
import { keycloak } from './keycloak.ts'
import { own, ownCsv } from './own.ts'
import type { PeopleForm, PersonRecord, RecordSource } from './people-form.ts'

/** Faults of the whole file. They end the import and are reported once. */
const ofTheFile: ReadonlySet<string> = new Set([
  'people_form_unknown',
  'csv_column_unknown',
  'firebase_hash_config_needed',
])

export const isFaultOfFile = (thrown: unknown): boolean => thrown instanceof Failure && ofTheFile.has(thrown.code)

/** @throws Failure `people_form_unknown` (invalid) */
export function formOf(
  record: PersonRecord,
  source: RecordSource,
  firebaseHash: FirebaseHashConfig | undefined,
): PeopleForm {
  const forms = [cognito, firebase(firebaseHash), django, auth0, keycloak, own, ownCsv]
  const form = forms.find(({ recognises }) => recognises(record, source))
  if (form) return form
  const members = Object.keys(record).slice(0, 8).join(', ')
  throw new Failure(
    'people_form_unknown',
    'invalid',
    `The file holds no people in a known form: its first row has ${members}.`,
    {
      detail: { hints: ['docs/import.md lists the exports that are read, and the form into which others are brought'] },
    },
  )
}
